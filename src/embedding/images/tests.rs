//! Small shops of images drawn here.

use std::fs;

use super::*;
use crate::embedding::{Builtin, Quality};

pub(in super::super) fn product(index: usize, image: Option<&str>) -> Product {
    Product {
        row: index as u64 + 1,
        id: format!("p{index}"),
        title: None,
        category: None,
        price: None,
        currency: None,
        image: image.map(str::to_owned),
        group: None,
        margin: None,
        in_stock: true,
        in_season: true,
        attributes: Vec::new(),
    }
}

fn catalog(images: &[Option<&str>]) -> Catalog {
    Catalog { products: images.iter().enumerate().map(|(i, image)| product(i, *image)).collect(), ..Catalog::default() }
}

/// An image root with three different pictures, a copy of one and a broken file.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, seed) in [("a.png", 3), ("b.png", 5), ("c.png", 11)] {
        let picture = image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * seed) as u8, (y * seed) as u8, 90]));
        picture.save(folder.path().join(name)).unwrap();
    }
    fs::copy(folder.path().join("a.png"), folder.path().join("copy of a.jpg")).unwrap();
    fs::write(folder.path().join("broken.jpg"), b"\xFF\xD8\xFF nothing more").unwrap();
    folder
}

fn embed(shop: &tempfile::TempDir, cache: Option<&Path>, images: &[Option<&str>]) -> Embedded {
    let embedder = Images::new(Builtin::new(Quality::Standard), shop.path(), cache.map(Path::to_owned));
    embedder.embed(&mut catalog(images), &Progress::hidden()).unwrap()
}

#[test]
fn each_product_gets_a_vector_a_reject_or_nothing() {
    let shop = shop();
    let embedded = embed(
        &shop,
        None,
        &[
            Some("a.png"),
            None,
            Some("https://cdn.example/a.png"),
            Some("none.png"),
            Some("broken.jpg"),
            Some("copy of a.jpg"),
            Some(""),
            Some("../a\r\n.png"),
            Some("broken.jpg"),
            Some("b.png"),
        ],
    );
    let rejects: Vec<_> = embedded.rejects.iter().map(|r| (r.row, r.code, r.stage)).collect();
    assert_eq!(
        rejects,
        [
            (4, "image_missing", Stage::Image),
            (5, "image_broken", Stage::Image),
            (8, "image_outside_root", Stage::Image),
            (9, "image_broken", Stage::Image),
        ]
    );
    assert!(embedded.rejects[1].detail.contains("broken.jpg"));
    assert!(embedded.rejects[2].detail.starts_with("`../a  .png`"), "{}", embedded.rejects[2].detail);
    let with_vector: Vec<_> = (0..10).filter(|&i| embedded.vectors.get(i).is_some()).collect();
    assert_eq!(with_vector, [0, 5, 9]);
    assert_eq!(embedded.vectors.get(0), embedded.vectors.get(5));
    assert_ne!(embedded.vectors.get(0), embedded.vectors.get(9));
    assert_eq!(embedded.computed, 2);
}

#[test]
fn a_copy_in_a_later_chunk_is_not_embedded_again() {
    let shop = shop();
    let mut images = vec![None; CHUNK + 3];
    images[2] = Some("a.png");
    images[CHUNK + 1] = Some("copy of a.jpg");
    images[CHUNK + 2] = Some("broken.jpg");
    let embedded = embed(&shop, None, &images);
    assert_eq!((embedded.computed, embedded.vectors.count()), (1, 2));
    assert_eq!(embedded.vectors.get(2), embedded.vectors.get(CHUNK + 1));
    assert_eq!(embedded.rejects[0].row, CHUNK as u64 + 3);
}

#[test]
fn the_cache_gives_the_same_bits_and_survives_damage() {
    let shop = shop();
    let cache = shop.path().join("cache");
    let images = [Some("a.png"), Some("b.png"), Some("copy of a.jpg")];
    let first = embed(&shop, Some(&cache), &images);
    let more = [Some("c.png"), Some("b.png"), Some("a.png")];
    let second = embed(&shop, Some(&cache), &more);
    assert_eq!((first.computed, second.computed), (2, 1));
    assert_eq!(first.vectors.get(0), second.vectors.get(2));
    assert_eq!(first.vectors.get(1), second.vectors.get(1));
    assert_eq!(embed(&shop, Some(&cache), &more).computed, 0);

    for segment in fs::read_dir(&cache).unwrap() {
        let path = segment.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let rebuilt = embed(&shop, Some(&cache), &images);
    assert_eq!(rebuilt.computed, 2);
    assert_eq!(rebuilt.vectors.get(0), first.vectors.get(0));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let shop = shop();
    let images = [Some("a.png"), Some("copy of a.jpg"), Some("b.png"), Some("none.png"), Some("c.png"), Some("a.png")];
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let embedded = pool.install(|| embed(&shop, None, &images));
        let vectors: Vec<_> = (0..images.len()).map(|i| embedded.vectors.get(i).map(<[f32]>::to_vec)).collect();
        (vectors, embedded.rejects, embedded.inputs, embedded.computed)
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn the_inputs_follow_the_content_of_the_images() {
    let shop = shop();
    let inputs = |images: &[Option<&str>]| embed(&shop, None, images).inputs;
    let before = inputs(&[Some("a.png"), Some("b.png")]);
    assert_eq!(before, inputs(&[Some("copy of a.jpg"), Some("b.png")]));
    assert_ne!(before, inputs(&[Some("b.png"), Some("a.png")]));
    assert_ne!(inputs(&[None, Some("a.png")]), inputs(&[Some("//x.example/a.png"), Some("a.png")]));
    assert_ne!(inputs(&[None, Some("a.png")]), inputs(&[Some("none.png"), Some("a.png")]));
    fs::copy(shop.path().join("c.png"), shop.path().join("a.png")).unwrap();
    assert_ne!(before, inputs(&[Some("a.png"), Some("b.png")]));
}

#[test]
fn a_missing_root_is_a_matter_of_configuration() {
    let failed = Images::new(Builtin::new(Quality::Standard), Path::new("no/such/folder"), None)
        .embed(&mut catalog(&[]), &Progress::hidden());
    let error = failed.unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("no/such/folder"));
}
