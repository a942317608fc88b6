//! Nearly identical pictures of different products: found, whatever else is said of the products, counted and listed.

use std::path::Path;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use twinset::similarity::gpu::Options;

use crate::engines::Chance;
use crate::gpu::adapter;
use crate::oracle::shop::OracleRule;
use crate::oracle::{OracleDuplicate, OracleProduct, OracleShop, duplicates};
use crate::random_shop::write_files;
use crate::random_shops::alike;
use crate::run::{night, table_bytes, twinset};

const DATE: [&str; 2] = ["--run-date", "2026-11-22"];

/// A vase before a wall, or a lamp on a table.
fn picture(is_vase: bool) -> RgbImage {
    RgbImage::from_fn(240, 240, |x, y| {
        let (dx, dy) = (f64::from(x) - 120.0, f64::from(y) - 130.0);
        // Darker towards the right.
        let shade =
            |base: [u8; 3]| image::Rgb(base.map(|value| value.saturating_add(20).saturating_sub((x / 6) as u8)));
        if is_vase {
            let half = 28.0 + 30.0 * (dy / 40.0).cos();
            let is_inside = dx.abs() < half && dy.abs() < 90.0;
            if is_inside { shade([40, 90, 170]) } else { image::Rgb([236, 232, 224]) }
        } else {
            let (is_shade, is_foot) = (dy < -20.0 && dy > -100.0 && dx.abs() < 60.0 + dy / 2.0, dx.abs() < 8.0);
            match (is_shade, is_foot && dy > -100.0, dy > 60.0) {
                (true, ..) => shade([240, 170, 60]),
                (_, true, _) => image::Rgb([30, 30, 30]),
                (.., true) => image::Rgb([120, 80, 50]),
                _ => image::Rgb([90, 110, 100]),
            }
        }
    })
}

/// A vase three times, copied and encoded again, whatever its category, price, currency and stock; a lamp in two variants.
fn shop(folder: &Path, settings: &str) {
    let (vase, lamp) = (picture(true), picture(false));
    vase.save(folder.join("vase.png")).expect("written");
    std::fs::copy(folder.join("vase.png"), folder.join("another name.png")).expect("copied");
    let jpeg = std::fs::File::create(folder.join("vase.jpg")).expect("created");
    JpegEncoder::new_with_quality(jpeg, 60).encode_image(&vase).expect("written");
    lamp.save(folder.join("lamp.png")).expect("written");
    let catalog = "id,category,price,currency,image,group_id,in_stock\n\
                   lamp-s,Home/Lamps,20,USD,lamp.png,lamp,true\n\
                   lamp-l,Home/Lamps,30,USD,lamp.png,lamp,true\n\
                   vase,Home/Vases,20,USD,vase.png,,true\n\
                   a-vase,Garden,25,EUR,another name.png,,false\n\
                   jpeg,,,,vase.jpg,,true\n\
                   unseen,Home/Vases,20,USD,,,true\n";
    std::fs::write(folder.join("p.csv"), catalog).expect("written");
    std::fs::write(folder.join("twinset.toml"), format!("[catalog]\npath = 'p.csv'\n{settings}")).expect("written");
}

#[test]
fn a_copied_picture_and_one_that_was_encoded_again_are_found_and_variants_are_not() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out");
    shop(folder.path(), "");
    let run = twinset(&["run", DATE[0], DATE[1]], folder.path());
    let log = String::from_utf8_lossy(&run.stderr);
    assert!(log.contains("3 products show nearly the same picture as another one"), "{log}");
    let found = alike(&out);
    let row = |found: &OracleDuplicate| {
        let OracleDuplicate { product, rank, duplicate, identical, cluster, .. } = found;
        format!("{product} {rank} {duplicate} {identical} {cluster}")
    };
    let expected = [
        "a-vase 1 vase true a-vase",
        "a-vase 2 jpeg false a-vase",
        "jpeg 1 a-vase false a-vase",
        "jpeg 2 vase false a-vase",
        "vase 1 a-vase true a-vase",
        "vase 2 jpeg false a-vase",
    ];
    assert_eq!(found.iter().map(row).collect::<Vec<String>>(), expected, "{found:?}");
    assert!(found.iter().all(|row| if row.identical {
        row.similarity > 0.999_999
    } else {
        row.similarity < 0.999_999
    }));
    let of_run = |path: &str| -> serde_json::Value {
        let text =
            std::fs::read_to_string(folder.path().join(path.trim())).expect("the manifest lies where stdout says");
        serde_json::from_str(&text).expect("the manifest is JSON")
    };
    let manifest = of_run(&String::from_utf8(run.stdout).expect("a path"));
    assert_eq!((&manifest["counts"]["duplicates"], &manifest["counts"]["duplicated_products"]), (&6.into(), &3.into()));
    assert!(
        manifest["warnings"].as_array().expect("warnings").iter().all(|said| !said.to_string().contains("picture"))
    );
    // A night that does not ask for them takes them away.
    shop(folder.path(), "[duplicates]\nenabled = false\n");
    let off = night(&["run", DATE[0], DATE[1]], folder.path());
    assert!(!out.join("duplicates/run_date=2026-11-22").exists() && off["run_id"] != manifest["run_id"]);
    assert_eq!(off["counts"]["duplicates"], 0);
}

#[test]
fn a_check_says_that_all_pairs_are_compared() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = |settings: &str| {
        shop(folder.path(), settings);
        String::from_utf8(twinset(&["check"], folder.path()).stdout).expect("text")
    };
    let rule =
        "[[rule]]\nname = 'none'\nrelation = 'similar'\ncandidates = 'any'\nproducts = { category = ['Garden'] }\n";
    let (with, without) = (said(rule), said(&format!("[duplicates]\nenabled = false\n{rule}")));
    assert!(with.contains("for `duplicates`, every pair"), "{with}");
    assert!(!without.contains("duplicates"), "{without}");
}

/// Families of vectors that differ a little or not at all, in groups and on their own.
fn crowded() -> OracleShop {
    let mut chance = Chance(5);
    let base: Vec<Vec<f32>> = (0..40).map(|_| (0..8).map(|_| chance.component()).collect()).collect();
    let mut product = |number: usize| {
        let apart = [0.0, 0.0, 0.001, 0.1, 0.4][chance.below(5) as usize];
        let family = &base[chance.below(40) as usize];
        let vector = family.iter().map(|value| value + apart * chance.component()).collect();
        let group = (chance.below(3) == 0).then(|| format!("g{}", chance.below(60)));
        let in_stock = chance.below(4) > 0;
        let (vector, category) = (Some(vector), Some(format!("A/{}", chance.below(9))));
        OracleProduct { id: format!("p{number}"), category, group, in_stock, vector, ..OracleProduct::default() }
    };
    OracleShop::plain((0..700).map(&mut product).collect(), vec![OracleRule { limit: 3, ..OracleRule::default() }])
}

#[test]
fn random_vectors_get_the_rows_of_a_double_loop() {
    for wanted in [(0.97, 4), (0.5, 1_000), (1.0, 10)] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let shop = OracleShop { duplicates: Some(wanted), ..crowded() };
        write_files(&shop, folder.path());
        let manifest = night(&["run", DATE[0], DATE[1]], folder.path());
        let (found, expected) = (alike(&folder.path().join("out")), duplicates(&shop));
        let mut pairs = found.iter().zip(&expected);
        assert_eq!(pairs.find(|(found, expected)| found != expected), None, "{wanted:?}");
        assert!(found.len() == expected.len() && found.len() > 500, "{wanted:?}: {} rows", found.len());
        assert_eq!(manifest["counts"]["duplicates"], found.len());
    }
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_publishes_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let shop = OracleShop { duplicates: Some((0.97, 4)), ..crowded() };
    write_files(&shop, folder.path());
    let (cpu, _) = crate::gpu::night::night(folder.path(), "cpu", "cpu", Options::default());
    let options = Options { poison: true, ..Options::default() };
    let (gpu, manifest) = crate::gpu::night::night(folder.path(), "gpu", &adapter().facts.name, options);
    let report = &manifest["similarity"];
    assert!(report["fault"].is_null() && report["pairs_on_cpu"] == 0, "{report}");
    assert!(table_bytes(&gpu) == table_bytes(&cpu), "tables by the device and the CPU differ");
    assert!(!alike(&gpu).is_empty());
}
