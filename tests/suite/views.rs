//! Products with several images: random ones against the documentation, and a small shop of picture files under `first`, `mean` and
//! `best`.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use twinset::progress::Progress;
use twinset::similarity::cpu::Cpu;

use crate::cached::draw;
use crate::oracle::evaluate;
use crate::oracle::score::canonical;
use crate::random_shop::shop_of_views;
use crate::random_shops::{Night, differing, flatten};
use crate::run::{float, floats, night, number, python, rows, string, text, twinset};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_several_views_equal_the_documentation(shop in shop_of_views(1..61), tile in 1_usize..200) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut night = Night::prepare(&shop, folder.path());
        night.hang(&shop);
        let engine = Cpu { tile, turn: Some(tile % 2 == 0) };
        let found = night.gallery.top_k(&engine, &night.plan.lists, &Progress::hidden()).expect("lists");
        prop_assert_eq!(differing(&night.lines(&found, |_| true), &flatten(&evaluate(&shop))), None);
    }
}

/// The pictures `0.bmp` and so on, all different.
const PICTURES: u32 = 12;

/// The views of some products: a picture that is broken, addresses, one that several products show.
const SHOP: [&[&str]; 7] = [
    &["0.bmp", "1.bmp", "broken.jpg", "2.bmp"],
    &["3.bmp", "https://cdn.example/1.jpg", "0.bmp"],
    &["4.bmp"],
    &["https://cdn.example/2.jpg", "5.bmp", "6.bmp"],
    &["broken.jpg", "7.bmp"],
    &["https://cdn.example/3.jpg", "https://cdn.example/4.jpg"],
    &["8.bmp", "4.bmp", "9.bmp", "10.bmp", "11.bmp"],
];

/// Publishes products by their images; gives the output folder and the manifest.
fn publish(folder: &Path, shop: &[&[&str]], views: &str) -> (PathBuf, Value) {
    let line = |(product, images): (usize, &&[&str])| format!("p{product:02},A,{}\n", images.join(";"));
    let csv: Vec<String> = shop.iter().enumerate().map(line).collect();
    std::fs::write(folder.join("p.csv"), format!("id,category,image\n{}", csv.concat())).expect("written");
    let config = format!(
        "[catalog]\npath = 'p.csv'\nimage_separator = ';'\n[embedding]\n{views}\n[output]\nembeddings = true\n\
         reject_tolerance = 1.0\n[[rule]]\nname = 'all'\nrelation = 'similar'\ncandidates = 'any'\nlimit = 3\n"
    );
    std::fs::write(folder.join("twinset.toml"), config).expect("written");
    let manifest = night(&["run", "--run-date", "2026-11-26", "--device", "cpu", "--out", "out"], folder);
    (folder.join("out"), manifest)
}

/// The number of a product.
fn product(id: &str) -> usize {
    id[1..].parse().expect("a number")
}

/// The published vectors by product, in the order of their numbers.
fn vectors(out: &Path) -> Vec<Vec<Vec<f32>>> {
    let mut all = vec![Vec::new(); SHOP.len().max(PICTURES as usize)];
    for row in rows(out, "embeddings") {
        let of = &mut all[product(&string(&row, "product_id").expect("required"))];
        of.push(floats(&row, "embedding"));
        assert_eq!(usize::try_from(number(&row, "view")), Ok(of.len()));
    }
    all
}

/// The published lists: product, candidate, similarity.
fn lists(out: &Path) -> Vec<(usize, usize, u32)> {
    let id = |row, name| product(&string(row, name).expect("required"));
    let entry = |row| {
        let similarity = float(row, "similarity").expect("a score");
        (id(row, "product_id"), id(row, "recommended_id"), similarity.to_bits())
    };
    rows(out, "recommendations").iter().map(entry).collect()
}

/// The same by all pairs of the views of all pairs of products.
fn expected(views: &[Vec<Vec<f32>>]) -> Vec<(usize, usize, u32)> {
    let similar = |a: &[Vec<f32>], b: &[Vec<f32>]| {
        a.iter().flat_map(|x| b.iter().map(move |y| canonical(x, y))).max_by(f32::total_cmp)
    };
    let list = |anchor: usize| {
        let others = (0..views.len()).filter(|&other| other != anchor);
        let scored = others.filter_map(|other| Some((other, similar(&views[anchor], &views[other])?)));
        let mut all: Vec<(usize, f32)> = scored.collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.into_iter().take(3).map(move |(other, score)| (anchor, other, score.to_bits()))
    };
    (0..views.len()).flat_map(list).collect()
}

fn rejects(out: &Path) -> Vec<(i64, String)> {
    rows(out, "rejects").iter().map(|row| (number(row, "row"), string(row, "code").expect("required"))).collect()
}

fn by_url(out: &Path) -> Vec<usize> {
    let coverage = rows(out, "coverage");
    let is_url = coverage.iter().filter(|row| string(row, "shortfall_reason").as_deref() == Some("image_is_url"));
    is_url.map(|row| product(&string(row, "product_id").expect("required"))).collect()
}

#[test]
fn a_shop_of_pictures_is_seen_by_the_first_the_mean_or_the_best() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    (0..PICTURES).for_each(|picture| draw(&folder.join(format!("{picture}.bmp")), picture));
    std::fs::write(folder.join("broken.jpg"), b"\xFF\xD8\xFF nothing more").expect("written");
    // Each picture as a product of its own tells its vector.
    let names: Vec<String> = (0..PICTURES).map(|picture| format!("{picture}.bmp")).collect();
    let alone: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let alone: Vec<&[&str]> = alone.iter().map(<[_; 1]>::as_slice).collect();
    let pictures = vectors(&publish(folder, &alone, "").0);
    let (out, idle) = publish(folder, &alone, "views = 'best'");
    assert_eq!((vectors(&out), lists(&out)), (pictures.clone(), expected(&pictures)));
    let warnings = idle["warnings"].as_array().expect("warnings");
    assert!(warnings.iter().any(|said| said.to_string().contains("no product has a further image")), "{idle}");
    let of_images = |images: &[&str]| -> Vec<Vec<f32>> {
        let places = images.iter().filter_map(|image| names.iter().position(|name| name == image));
        places.flat_map(|place| pictures[place].clone()).collect()
    };
    let counts = |manifest: &Value| ["vectors", "views", "embedded_now"].map(|name| manifest["counts"][name].clone());
    let published = |views| {
        let (out, manifest) = publish(folder, &SHOP, views);
        let mut vectors = vectors(&out);
        vectors.truncate(SHOP.len());
        (vectors, lists(&out), rejects(&out), by_url(&out), manifest)
    };

    let (views, lists, rejects, urls, first) = published("");
    assert_eq!(views, SHOP.map(|images| of_images(&images[..1])));
    assert_eq!(lists, expected(&views));
    assert_eq!((rejects, urls), (vec![(5, "image_broken".to_owned())], vec![3, 5]));
    assert_eq!(counts(&first), [4, 4, 0].map(Value::from));
    let (.., same) = published("views = 'first'");
    assert_eq!(same["run_id"], first["run_id"], "what is left out is what is said");

    let broken = vec![(1, "image_broken".to_owned()), (5, "image_broken".to_owned())];
    let (views, lists, rejects, urls, mean) = published("views = 'mean'");
    for (product, images) in SHOP.iter().enumerate() {
        let of = of_images(images);
        let Some(mean) = views[product].first() else {
            assert!(of.is_empty(), "p{product}");
            continue;
        };
        let sums: Vec<f64> = (0..mean.len()).map(|at| of.iter().map(|view| f64::from(view[at])).sum()).collect();
        let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        let apart = sums.iter().zip(mean).map(|(sum, value)| (sum / length - f64::from(*value)).abs());
        assert!(views[product].len() == 1 && apart.fold(0.0, f64::max) < 1e-7, "p{product}");
        assert!(of.len() > 1 || of[0] == *mean, "p{product}: of one image it is its own vector");
    }
    assert_eq!(lists, expected(&views));
    assert_eq!((&rejects, urls), (&broken, vec![5]));
    assert_eq!(counts(&mean), [6, 6, 0].map(Value::from));

    let (views, lists, rejects, urls, best) = published("views = 'best'");
    assert_eq!(views, SHOP.map(of_images));
    assert_eq!(lists, expected(&views));
    assert_eq!((&rejects, urls), (&broken, vec![5]));
    assert_eq!(counts(&best), [6, 3 + 2 + 1 + 2 + 1 + 5, 0].map(Value::from));
    assert!(!best["warnings"].to_string().contains("further image"), "{best}");
    let runs = [&first, &mean, &best].map(|manifest| &manifest["run_id"]);
    assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs[0] != runs[2], "{runs:?}");

    python("read_tables.py", &[text(&folder.join("out"))]);

    // Products 2 and 6 show one picture: the only one of the first, the second of the other.
    let explain = |pair: [&str; 2]| {
        let said = twinset(&["explain", pair[0], pair[1], "--json"], folder);
        let said: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        said["rules"][0]["pair"]["views"].clone()
    };
    assert_eq!(explain(["p06", "p02"]), serde_json::json!([2, 1]));
    assert_eq!(explain(["p02", "p04"]), Value::Null);
    let said = twinset(&["explain", "p06", "p02"], folder);
    assert!(String::from_utf8_lossy(&said.stdout).contains("(view 2 beside its view 1)"));
    let check = String::from_utf8(twinset(&["check"], folder).stdout).expect("text");
    // The broken one cannot be told from the others before it is opened.
    assert!(check.contains("vectors   16 expected; 1 images are URLs"), "{check}");
}
