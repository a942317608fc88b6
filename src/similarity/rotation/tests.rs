//! Turned products against the bound, and what the axes are good for.

use proptest::prelude::*;

use super::*;
use crate::embedding::{Vectors, canonical_dot, make_unit};
use crate::similarity::Matrix;
use crate::similarity::testing::raw_pair;

fn matrix(raw: &[f32], d: usize) -> Matrix {
    let mut vectors = Vectors::new(d, raw.len() / d);
    for (product, row) in raw.chunks_exact(d).enumerate() {
        vectors.insert(product, row).unwrap();
    }
    Matrix::gather(&vectors, 0..raw.len() / d)
}

fn turned(rotation: &Rotation, rows: &[f32]) -> Vec<f32> {
    let mut turned = vec![f32::NAN; rows.len()];
    rotation.turn(rows, &mut turned);
    turned
}

fn fit(matrix: &Matrix, prefix: usize) -> Rotation {
    Rotation::fit(matrix.values(), matrix.dimension(), &[prefix, matrix.dimension()])
}

fn one_hot(rows: usize, d: usize) -> Vec<f32> {
    (0..rows * d).map(|at| if at / d == at % d { 1.0 } else { 0.0 }).collect()
}

fn holds(rotation: &Rotation, x: &[f32], y: &[f32]) -> Result<(), TestCaseError> {
    let (of_x, of_y) = (turned(rotation, x), turned(rotation, y));
    for (x, y, of_x, of_y) in [(x, y, &of_x, &of_y), (x, x, &of_x, &of_x), (y, y, &of_y, &of_y)] {
        let apart = (canonical_dot(of_x, of_y) - canonical_dot(x, y)).abs();
        prop_assert!(apart <= f64::from(rotation.apart()) + 1e-12, "{apart} apart, bound {}", rotation.apart());
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_pair_leaves_the_bound((x, y) in raw_pair(700), part in 0.0..1.0_f64, scale in prop::option::of(-0.1..0.1_f32)) {
        let d = x.len();
        prop_assume!(d > 1);
        let (x, y) = (make_unit(&x).unwrap(), make_unit(&y).unwrap());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "small")]
        let prefix = ((d as f64 * part) as usize).clamp(1, d - 1);
        let rotation = fit(&matrix(&[&*x, &*y].concat(), d), prefix);
        prop_assert!(rotation.apart() < 6e-4, "{}", rotation.apart());
        holds(&rotation, &x, &y)?;
        if let Some(scale) = scale {
            let mut axes = rotation.axes;
            axes[..d].iter_mut().for_each(|v| *v *= 1.0 + scale);
            holds(&Rotation::to(&axes, d), &x, &y)?;
        }
    }
}

#[test]
fn long_vectors_stay_within_the_bound() {
    let d = 1500;
    let matrix = matrix(&Random(1).numbers(3 * d), d);
    let rotation = fit(&matrix, 400);
    assert!(rotation.apart() < 8e-4, "{}", rotation.apart());
    holds(&rotation, matrix.row(0), matrix.row(2)).unwrap();
}

#[test]
fn what_is_not_orthogonal_is_measured() {
    let d = 300;
    let mut axes = one_hot(d, d);
    let clean = Rotation::to(&axes, d);
    assert!((f64::from(clean.apart()) * 2_f64.powi(23) - 130.0).abs() < 0.1, "{}", clean.apart());
    // QQᵀ has 0.01 twice, off the diagonal and outside its blocks.
    axes[250] = 0.01;
    let tilted = Rotation::to(&axes, d);
    assert!((tilted.apart() - clean.apart() - 0.01 * 2_f32.sqrt()).abs() < 1e-5, "{}", tilted.apart());
    let rows = one_hot(d, d);
    holds(&tilted, &rows[..d], &rows[250 * d..251 * d]).unwrap();
}

#[test]
fn the_prefix_holds_what_the_best_one_would() {
    let (d, prefix, rows) = (256, 32, 5000);
    let mut raw = Random(2).numbers(rows * d);
    let planted = |at: usize| at % d % 8 == 3;
    raw.iter_mut().enumerate().filter(|&(at, _)| !planted(at)).for_each(|(_, v)| *v *= 0.3);
    let matrix = matrix(&raw, d);
    let turned = turned(&fit(&matrix, prefix), matrix.values());
    let (mut best, mut found) = (0.0, 0.0);
    for (at, (x, of_x)) in matrix.values().iter().zip(&turned).enumerate() {
        best += if planted(at) { x * x } else { 0.0 };
        found += if at % d < prefix { of_x * of_x } else { 0.0 };
    }
    assert!(found > 0.98 * best, "{found} of {best}");
}

#[test]
fn no_component_stands_out_of_its_part() {
    let (d, prefix) = (256, 64);
    let mut raw = Random(3).numbers(1000 * d);
    raw.iter_mut().enumerate().filter(|(at, _)| at % d != 0 && at % d != d / 2).for_each(|(_, v)| *v *= 0.003);
    let matrix = matrix(&raw, d);
    let turned = turned(&fit(&matrix, prefix), matrix.values());
    for (part, n) in turned.chunks_exact(d).flat_map(|row| [(&row[..prefix], 64.0_f64), (&row[prefix..], 192.0)]) {
        let largest = part.iter().fold(0.0_f32, |largest, v| largest.max(v.abs()));
        // The largest of 192 normal numbers is above 5 once in 10,000 parts; of one component left alone it is 8 or more.
        assert!(f64::from(largest) < 5.0 * (canonical_dot(part, part) / n).sqrt(), "{part:?}");
    }
}

#[test]
fn samples_of_few_directions_give_axes_as_good() {
    let alike = |rows: usize, d: usize| [1.0].repeat(rows * d);
    let samples = [
        (alike(1, 2), 2, 1),
        (one_hot(2, 2), 2, 1),
        (alike(5000, 40), 40, 39),
        (alike(10, 200), 200, 100),
        (one_hot(150, 150), 150, 70),
        (one_hot(3, 333), 333, 332),
        (Random(4).numbers(20 * 513), 513, 256),
    ];
    for (raw, d, prefix) in samples {
        let rotation = fit(&matrix(&raw, d), prefix);
        for (i, x) in rotation.axes.chunks_exact(d).enumerate() {
            for (j, y) in rotation.axes.chunks_exact(d).enumerate() {
                let off = canonical_dot(x, y) - if i == j { 1.0 } else { 0.0 };
                assert!(off.abs() < 1e-6, "axes {i} and {j} of {d} with prefix {prefix}: {off}");
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let d = 300;
    let matrix = matrix(&Random(5).numbers(700 * d), d);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let rotation = fit(&matrix, 100);
            let turned = turned(&rotation, matrix.values());
            rotation.axes.iter().chain(&turned).chain([&rotation.apart()]).map(|v| v.to_bits()).collect::<Vec<u32>>()
        })
    };
    assert_eq!(with(1), with(2));
    assert_eq!(with(2), with(2));
}
