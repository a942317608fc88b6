//! Whole nights of shops of many tiles, and of shops whose products look all the same: the tables are compared byte for byte
//! with the CPU's, and how it went is printed.

use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

use twinset::similarity::gpu::Options;
use twinset::similarity::gpu::kernels::Arithmetic;

use super::night::night;
use super::{adapter, sizes};
use crate::engines::Chance;
use crate::run::table_bytes;

/// Writes a shop with departments, categories, prices, brands and variants, for the default rules; `look` gives its vectors.
fn write_shop(folder: &Path, count: usize, mut look: impl FnMut(usize, &mut Chance) -> Vec<f32>) {
    let mut chance = Chance(11);
    let mut lines = String::new();
    for row in 0..count {
        let id = format!("{:x}-{row}", chance.below(1 << 20));
        let category = format!("D{}/C{}", chance.below(6), chance.below(9));
        let (price, brand) = (chance.below(200), chance.below(40));
        let group =
            if chance.below(3) == 0 { format!("g{}", chance.below(count as u64 / 6 + 1)) } else { String::new() };
        let in_stock = chance.below(20) > 0;
        let embedding = look(row, &mut chance);
        writeln!(
            lines,
            r#"{{"id":"{id}","category":"{category}","price":"{price}.99","currency":"USD","brand":"b{brand}","group_id":"{group}","in_stock":{in_stock},"embedding":{embedding:?}}}"#
        )
        .expect("memory");
    }
    std::fs::write(folder.join("products.jsonl"), lines).expect("written");
    let config = "[catalog]\npath = \"products.jsonl\"\n[embedding]\nkind = \"column\"\n";
    std::fs::write(folder.join("twinset.toml"), config).expect("written");
}

/// Runs a shop in both arithmetics and in each shape of the work.
fn compare(what: &str, folder: &Path, shapes: &[Options]) {
    let start = Instant::now();
    let (cpu, _) = night(folder, "cpu", "cpu", Options::default());
    println!("{what}: a night on the CPU took {:.1?}", start.elapsed());
    let expected = table_bytes(&cpu);
    let name = adapter().facts.name;
    for arithmetic in [Arithmetic::F32, Arithmetic::Int8] {
        for (number, shape) in shapes.iter().enumerate() {
            // Not where figures are those of a real night: poison is sent over the bus too.
            let poison = shape.chunk.is_some();
            let options = Options { arithmetic: Some(arithmetic), poison, ..shape.clone() };
            let start = Instant::now();
            let (out, manifest) = night(folder, &format!("{}-{number}", arithmetic.name()), &name, options);
            let (report, rows) = (&manifest["similarity"], manifest["counts"]["vectors"].as_f64().expect("a count"));
            let Options { chunk, strip, slots, .. } = shape;
            println!(
                "{what}, {arithmetic:?}, chunk {chunk:?}, strip {strip:?}, slots {slots:?}: {:.1?}, {:.1} survivors a row, {report}",
                start.elapsed(),
                report["survivors"].as_f64().expect("a count") / rows,
            );
            assert!(report["fault"].is_null() && report["kernel"] == arithmetic.name(), "{what}: {report}");
            assert!(report["pairs_on_device"].as_u64() > Some(0) && report["pairs_on_cpu"] == 0, "{what}: {report}");
            assert!(table_bytes(&out) == expected, "{what}, {arithmetic:?}, {shape:?}: other tables than the CPU's");
            if slots.is_some_and(|slots| slots < 10) {
                let overflows = ["rows_rerun", "rows_on_cpu"].map(|key| report[key].as_u64() > Some(0));
                assert_eq!(overflows, [true; 2], "{what}: so few slots must overflow: {report}");
            }
        }
    }
}

/// Products in clusters, as photographs of a catalog are.
#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_shop_of_twenty_thousand_gets_the_same_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (count, dimension) = (20_000, 64);
    let mut chance = Chance(12);
    let vector =
        |spread: f32, chance: &mut Chance| (0..dimension).map(|_| spread * chance.component()).collect::<Vec<f32>>();
    let centers: Vec<Vec<f32>> = (0..count / 50).map(|_| vector(1.0, &mut chance)).collect();
    write_shop(folder.path(), count, |row, chance| {
        let center = &centers[row * 7 % centers.len()];
        center.iter().zip(vector(0.5, chance)).map(|(c, v)| c + v).collect()
    });
    let shapes = [Options::default(), sizes(32, 3, 40, 128), sizes(64, 2, 200, 4)];
    compare("20,000 products", folder.path(), &shapes);
}

/// Most products share one vector, a tenth of them differ from it in the last bits only.
#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn ten_thousand_placeholders_get_the_same_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut chance = Chance(13);
    let look: Vec<f32> = (0..32).map(|_| chance.component()).collect();
    write_shop(folder.path(), 12_000, |row, chance| {
        let mut own = look.clone();
        match row * 7 % 12_000 {
            0..10_000 => {}
            10_000..11_000 => {
                let at = usize::try_from(chance.below(32)).expect("small");
                own[at] = f32::from_bits(own[at].to_bits() + chance.below(4) as u32 + 1);
            }
            _ => own.fill_with(|| chance.component()),
        }
        own
    });
    compare("12,000 products, 10,000 alike", folder.path(), &[Options::default()]);
}
