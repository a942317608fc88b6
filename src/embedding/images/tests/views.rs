//! Products with several images.

use super::*;

/// Products by their views; the first one may be empty.
fn seen(shop: &Path, views: Views, products: &[&[&str]]) -> Embedded {
    let of_views = |(index, images): (usize, &&[&str])| Product {
        further_images: images.iter().skip(1).map(|&image| image.to_owned()).collect(),
        ..product(index, images.first().copied())
    };
    let products = products.iter().enumerate().map(of_views).collect();
    let mut catalog = Catalog { products, ..Catalog::default() };
    Images::new(Pixel, shop, None).views(views).embed(&mut catalog, &Progress::hidden()).unwrap()
}

/// Plain pictures of some colors.
fn plain() -> tempfile::TempDir {
    let folder = shop();
    for (name, color) in [("x.bmp", [10, 0, 0]), ("y.bmp", [0, 10, 0]), ("xyz.bmp", [3, 5, 7]), ("black.bmp", [0; 3])] {
        plain_picture(&folder.path().join(name), color);
    }
    folder
}

fn all(embedded: &Embedded, product: usize) -> Vec<&[f32]> {
    embedded.vectors.of(product).collect()
}

const X: &[f32] = &[1.0, 0.0, 0.0];
const Y: &[f32] = &[0.0, 1.0, 0.0];

#[test]
fn further_images_are_not_even_opened_where_the_first_counts() {
    let shop = plain();
    let products: [&[&str]; 3] = [&["x.bmp", "none.bmp", "broken.jpg"], &["y.bmp"], &["", "x.bmp"]];
    let first = seen(shop.path(), Views::First, &products);
    assert_eq!((all(&first, 0), all(&first, 1), all(&first, 2)), (vec![X], vec![Y], vec![]));
    assert_eq!((first.computed, first.rejects.len()), (2, 0));
    let alone = seen(shop.path(), Views::First, &[&["x.bmp"], &["y.bmp"], &[]]);
    assert_eq!(first.inputs, alone.inputs);
    for views in [Views::Mean, Views::Best] {
        assert_ne!(seen(shop.path(), views, &products).inputs, first.inputs);
        let alone = seen(shop.path(), views, &[&["x.bmp"], &["y.bmp"], &[]]);
        assert_eq!(alone.inputs, seen(shop.path(), Views::First, &[&["x.bmp"], &["y.bmp"], &[]]).inputs);
    }
}

#[test]
fn which_product_an_image_is_of_is_part_of_the_inputs() {
    let shop = plain();
    let inputs = |products: &[&[&str]]| seen(shop.path(), Views::Best, products).inputs;
    let before = inputs(&[&["x.bmp", "y.bmp"], &["xyz.bmp"]]);
    assert_ne!(before, inputs(&[&["x.bmp"], &["y.bmp", "xyz.bmp"]]));
    assert_ne!(before, inputs(&[&["x.bmp", "xyz.bmp"], &["y.bmp"]]));
    assert_ne!(before, inputs(&[&["y.bmp", "x.bmp"], &["xyz.bmp"]]));
}

#[test]
fn every_view_is_looked_at_and_what_cannot_be_used_costs_itself() {
    let shop = plain();
    let products: [&[&str]; 6] = [
        &["x.bmp", "broken.jpg", "https://cdn.example/a.png", "y.bmp", "none.bmp"],
        &["broken.jpg", "x.bmp"],
        &["https://cdn.example/a.png", "//cdn.example/b.png"],
        &["", "y.bmp", "", "black.bmp"],
        &["none.bmp", "broken.jpg"],
        &["x.bmp", "x.bmp"],
    ];
    for views in [Views::Mean, Views::Best] {
        let embedded = seen(shop.path(), views, &products);
        let said: Vec<_> =
            embedded.rejects.iter().map(|r| (r.row, r.code, r.detail.split('`').nth(1).unwrap())).collect();
        assert_eq!(
            said,
            [
                (1, "image_broken", "broken.jpg"),
                (1, "image_missing", "none.bmp"),
                (2, "image_broken", "broken.jpg"),
                (4, "zero_vector", "black.bmp"),
                (5, "image_missing", "none.bmp"),
                (5, "image_broken", "broken.jpg"),
            ]
        );
        // Three pictures are decoded, the black one among them, however often they are shown.
        assert_eq!((embedded.computed, embedded.vectors.count()), (3, 4));
        assert_eq!((all(&embedded, 1), all(&embedded, 3)), (vec![X], vec![Y]));
        assert!(all(&embedded, 2).is_empty() && all(&embedded, 4).is_empty());
        if views == Views::Best {
            assert_eq!((all(&embedded, 0), all(&embedded, 5)), (vec![X, Y], vec![X, X]));
        } else {
            let half = std::f64::consts::FRAC_1_SQRT_2 as f32;
            assert_eq!((all(&embedded, 0), all(&embedded, 5)), (vec![&[half, half, 0.0][..]], vec![X]));
        }
    }
}

#[test]
fn the_mean_of_one_image_is_its_own_vector_bit_for_bit() {
    let shop = plain();
    let one = seen(shop.path(), Views::First, &[&["xyz.bmp"], &["xyz.bmp"]]);
    let mean = seen(shop.path(), Views::Mean, &[&["xyz.bmp", "none.bmp"], &["xyz.bmp", "x.bmp"]]);
    assert_eq!(mean.vectors.get(0), one.vectors.get(0));
    assert_ne!(mean.vectors.get(1), one.vectors.get(1));
    assert_eq!((mean.vectors.count(), mean.computed), (2, 2));
}

/// An encoder whose features may point to either side of a gray.
struct Sides;

impl Encoder for Sides {
    fn fingerprint(&self) -> String {
        "sides".to_owned()
    }

    fn dimension(&self) -> usize {
        3
    }

    fn square(&self) -> (f64, u32) {
        (1.0, 8)
    }

    fn frame(&self, photo: &photos::Photo) -> Vec<u8> {
        Pixel.frame(photo)
    }

    fn encode(&self, pictures: Vec<Vec<u8>>, done: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>> {
        let features = Pixel.encode(pictures, done)?.into_iter();
        Ok(features.map(|features| features.iter().map(|value| value - 100.0).collect()).collect())
    }
}

#[test]
fn images_that_cancel_each_other_out_are_a_reject_of_the_product() {
    let shop = plain();
    for (name, color) in [("more.bmp", [110, 100, 100]), ("less.bmp", [90, 100, 100])] {
        plain_picture(&shop.path().join(name), color);
    }
    let further_images = vec!["less.bmp".to_owned()].into();
    let products = vec![Product { further_images, ..product(0, Some("more.bmp")) }, product(1, Some("less.bmp"))];
    let mut catalog = Catalog { products, ..Catalog::default() };
    let embedder = Images::new(Sides, shop.path(), None).views(Views::Mean);
    let embedded = embedder.embed(&mut catalog, &Progress::hidden()).unwrap();
    let [reject] = &embedded.rejects[..] else { panic!("{:?}", embedded.rejects) };
    assert_eq!((reject.row, reject.code, reject.stage), (1, "zero_vector", Stage::Embedding));
    assert_eq!((embedded.vectors.get(0), embedded.vectors.get(1)), (None, Some(&[-1.0, 0.0, 0.0][..])));
}
