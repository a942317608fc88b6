//! Products with several images: random ones against the documentation, and a small shop of picture files under `first`, `mean` and
//! `best`.

use std::path::Path;

use proptest::prelude::*;
use twinset::cli::{Flags, JobArgs};
use twinset::config::{Config, Embedding};
use twinset::embedding::{Embedded, Quality, Views};
use twinset::explain::Explainer;
use twinset::job::side::Side;
use twinset::job::{self, Prepared};
use twinset::progress::Progress;
use twinset::similarity::cpu::Cpu;

use crate::cached::draw;
use crate::oracle::evaluate;
use crate::oracle::score::canonical;
use crate::random_shop::shop_of_views;
use crate::random_shops::{Night, differing, flatten};

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_several_views_equal_the_documentation(shop in shop_of_views(1..61), tile in 1_usize..200) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut night = Night::prepare(&shop, folder.path());
        night.hang(&shop);
        let engine = Cpu { tile, sketch_from: tile as u64 % 2 * u64::MAX };
        let found = night.gallery.top_k(&engine, &night.plan.lists, &Progress::hidden()).expect("lists");
        prop_assert_eq!(differing(&night.lines(&found, |_| true), &flatten(&evaluate(&shop))), None);
    }
}

/// The views of some products: a picture that is broken, an address, one that several products show, a product without any.
const SHOP: [&[&str]; 7] = [
    &["0.bmp", "1.bmp", "broken.jpg", "2.bmp"],
    &["3.bmp", "https://cdn.example/1.jpg", "0.bmp"],
    &["4.bmp"],
    &["https://cdn.example/2.jpg", "5.bmp", "6.bmp"],
    &["broken.jpg", "7.bmp"],
    &["https://cdn.example/3.jpg", "https://cdn.example/4.jpg"],
    &["8.bmp", "4.bmp", "9.bmp", "10.bmp", "11.bmp"],
];

fn config(folder: &Path, views: Views) -> Config {
    let flags = Flags { run_date: Some("2026-11-26".parse().expect("a date")), ..Flags::default() };
    let config =
        Config::resolve(&JobArgs { config: Some(folder.join("twinset.toml")), flags }).expect("a configuration");
    Config { embedding: Embedding::Builtin { quality: Quality::Standard, views }, ..config }
}

/// The night of some products by their images, up to its plan, and what became of the images.
fn prepare(folder: &Path, views: Views, shop: &[&[&str]]) -> (Night, Embedded) {
    let csv: Vec<String> = (0..shop.len()).map(|product| format!("p{product},A\n")).collect();
    std::fs::write(folder.join("p.csv"), format!("id,category\n{}", csv.concat())).expect("written");
    std::fs::write(
        folder.join("twinset.toml"),
        "[catalog]\npath = 'p.csv'\n[[rule]]\nname = 'all'\nrelation = 'similar'\ncandidates = 'any'\nlimit = 3\n",
    )
    .expect("written");
    let config = config(folder, views);
    let mut catalog = job::read(&config).expect("a catalog");
    for (product, images) in catalog.products.iter_mut().zip(shop) {
        product.image = images.first().map(|&image| image.to_owned());
        product.further_images = images.iter().skip(1).map(|&image| image.to_owned()).collect();
    }
    let side = Side::read(&config, &catalog).expect("nothing beside the catalog");
    let embedder = job::embedder(&config).expect("an embedder");
    let embedded = embedder.embed(&mut catalog, &Progress::hidden()).expect("vectors");
    let (plan, gallery, _) = job::plan(&config, &catalog, &side, embedded.vectors.clone());
    (Night::of(config, Prepared { catalog, side, plan, gallery }), embedded)
}

/// Per product the ids and similarities of its list.
fn lists(night: &Night) -> Vec<(String, Vec<(String, u32)>)> {
    let found = night.score().expect("lists");
    let recommender = night.recommender(&night.config, &found);
    let id = |row: usize| night.catalog.products[night.plan.products[row]].id.clone();
    let list = |&anchor: &usize| {
        let served = recommender.serve(anchor).expect("no list is short without a reason");
        let entry = |ranked: &twinset::rules::rank::Ranked| {
            (id(ranked.candidate as usize), ranked.similarity.expect("a score").to_bits())
        };
        (id(anchor), served[0].entries.iter().map(|listed| entry(&listed.ranked)).collect())
    };
    recommender.anchors().iter().map(list).collect()
}

/// The lists when two products are so similar, by all pairs.
fn expected(similar: impl Fn(usize, usize) -> Option<f32>) -> Vec<(String, Vec<(String, u32)>)> {
    let list = |anchor: usize| {
        let others = (0..SHOP.len()).filter(|&other| other != anchor);
        let mut all: Vec<(usize, f32)> = others.filter_map(|other| Some((other, similar(anchor, other)?))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let entries = all.into_iter().take(3).map(|(other, score)| (format!("p{other}"), score.to_bits()));
        (format!("p{anchor}"), entries.collect())
    };
    (0..SHOP.len()).map(list).collect()
}

#[test]
fn a_shop_of_pictures_is_seen_by_the_first_the_mean_or_the_best() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    (0..12).for_each(|picture| draw(&folder.path().join(format!("{picture}.bmp")), picture));
    std::fs::write(folder.path().join("broken.jpg"), b"\xFF\xD8\xFF nothing more").expect("written");
    // Each picture as a product of its own tells its vector.
    let names: Vec<String> = (0..12).map(|picture| format!("{picture}.bmp")).collect();
    let alone: Vec<[&str; 1]> = names.iter().map(|name| [name.as_str()]).collect();
    let alone: Vec<&[&str]> = alone.iter().map(<[&str; 1]>::as_slice).collect();
    let (_, pictures) = prepare(folder.path(), Views::First, &alone);
    let vectors = |product: usize| -> Vec<&[f32]> {
        let picture = |image: &&str| pictures.vectors.get(names.iter().position(|name| name == image)?);
        SHOP[product].iter().filter_map(picture).collect()
    };
    let best = |xs: Vec<&[f32]>, ys: Vec<&[f32]>| {
        let scores = xs.iter().flat_map(|x| ys.iter().map(move |y| canonical(x, y)));
        scores.max_by(f32::total_cmp)
    };

    let (night, embedded) = prepare(folder.path(), Views::First, &SHOP);
    let first = |product: usize| -> Vec<&[f32]> {
        let is_file = names.iter().any(|name| *name == SHOP[product][0]);
        vectors(product).into_iter().take(usize::from(is_file)).collect()
    };
    assert_eq!(lists(&night), expected(|a, b| best(first(a), first(b))));
    assert_eq!(embedded.rejects.iter().map(|reject| reject.row).collect::<Vec<_>>(), [5]);

    let (night, embedded) = prepare(folder.path(), Views::Mean, &SHOP);
    let means: Vec<Option<&[f32]>> = (0..SHOP.len()).map(|product| embedded.vectors.get(product)).collect();
    for (product, mean) in means.iter().enumerate() {
        let of = vectors(product);
        let Some(mean) = mean else {
            assert!(of.is_empty(), "p{product}");
            continue;
        };
        let sums: Vec<f64> = (0..mean.len()).map(|at| of.iter().map(|view| f64::from(view[at])).sum()).collect();
        let length = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        let apart = sums.iter().zip(*mean).map(|(sum, value)| (sum / length - f64::from(*value)).abs());
        assert!(apart.fold(0.0, f64::max) < 1e-7, "p{product}");
    }
    assert_eq!(lists(&night), expected(|a, b| Some(canonical(means[a]?, means[b]?))));
    let inputs = embedded.inputs;

    let (night, embedded) = prepare(folder.path(), Views::Best, &SHOP);
    assert_eq!(lists(&night), expected(|a, b| best(vectors(a), vectors(b))));
    assert_eq!((night.gallery.rows(), night.gallery.matrix().rows()), (6, 3 + 2 + 1 + 2 + 1 + 5));
    assert_eq!(embedded.inputs, inputs, "both look at the same files");
    let rejects: Vec<(u64, &str)> = embedded.rejects.iter().map(|reject| (reject.row, reject.code)).collect();
    assert_eq!(rejects, [(1, "image_broken"), (5, "image_broken")]);

    // Products 2 and 6 show one picture: the only one of the first, the second of the other.
    let row = |product: usize| night.plan.products.iter().position(|&at| at == product).expect("a row");
    let found = night.score().expect("lists");
    let explained =
        Explainer::new(&night.config, &night, &found).explain(row(6), Some(row(2))).expect("an explanation");
    let pair = explained.rules[0].pair.as_ref().expect("a pair");
    assert_eq!((pair.views, pair.rank), (Some([2, 1]), Some(1)));
    assert!(explained.to_string().contains("(view 2 beside its view 1)"), "{explained}");
    let of_one = Explainer::new(&night.config, &night, &found).explain(row(2), Some(row(4))).expect("an explanation");
    assert_eq!(of_one.rules[0].pair.as_ref().and_then(|pair| pair.views), None);
}
