//! Pairs of vectors that are hard on a bound, and the roundings of an unfriendly device. For tests only.

use proptest::prelude::*;

/// The next f32 below a number, as far as a result may be rounded down.
pub(super) fn below(exact: f64) -> f32 {
    let nearest = nearest(exact);
    if f64::from(nearest) < exact { nearest } else { nearest.next_down() }
}

/// The next f32 above a number.
pub(super) fn above(exact: f64) -> f32 {
    -below(-exact)
}

#[expect(clippy::cast_possible_truncation, reason = "rounding is what is asked for")]
fn nearest(exact: f64) -> f32 {
    exact as f32
}

/// How a vector is made.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Components of one size.
    Even,
    /// Two components over many small ones, of which most round to 0.
    TwoLarge,
    /// Components over this many binary orders of magnitude, subnormal ones among them.
    Spread(u8),
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Even), Just(Kind::TwoLarge), (1_u8..148).prop_map(Kind::Spread)]
}

/// Two vectors of up to `most` components, to be made unit; sometimes near duplicates, sometimes nearly opposite.
pub(super) fn raw_pair(most: usize) -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    let near = prop::option::of((-24_i32..-4, any::<bool>()));
    let dimension = prop_oneof![1..most.min(40), 1..=most];
    (dimension, kind(), kind(), near, any::<u64>()).prop_map(|(dimension, of_x, of_y, near, mut state)| {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u16::try_from(state >> 48).expect("16 bits")
        };
        let mut vector = |kind: Kind| -> Vec<f32> {
            let component = |at: usize| {
                let even = f32::from(next()) / 32768.0 - 1.0;
                match kind {
                    Kind::Even => even,
                    Kind::TwoLarge => even * if at == 0 || at == dimension / 2 { 1.0 } else { 0.003 },
                    Kind::Spread(orders) => even * 2_f32.powi(-i32::from(next() % u16::from(orders))),
                }
            };
            (0..dimension).map(component).collect()
        };
        let not_zero = |mut vector: Vec<f32>| {
            if vector.iter().all(|&v| v == 0.0) {
                vector[0] = 1.0;
            }
            vector
        };
        let (x, mut y) = (not_zero(vector(of_x)), vector(of_y));
        if let Some((orders, same)) = near {
            let sign = if same { 1.0 } else { -1.0 };
            y.iter_mut().zip(&x).for_each(|(y, x)| *y = sign * x + *y * 2_f32.powi(orders));
        }
        (x, not_zero(y))
    })
}
