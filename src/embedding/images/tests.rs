//! Small shops of images drawn here.

mod views;

use std::fs;
use std::time::Duration;

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
        further_images: Box::default(),
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

fn files_of(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
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
    // Only files that are read fill a chunk.
    let mut images = vec![Some("none.png"); CHUNK + 3];
    images[2] = Some("a.png");
    images[CHUNK + 1] = Some("copy of a.jpg");
    images[CHUNK + 2] = Some("broken.jpg");
    let embedded = embed(&shop, None, &images);
    assert_eq!((embedded.computed, embedded.vectors.count()), (1, 2));
    assert_eq!(embedded.vectors.get(2), embedded.vectors.get(CHUNK + 1));
    assert_eq!(embedded.rejects.last().unwrap().row, CHUNK as u64 + 3);
    assert_eq!(embedded.rejects.len(), CHUNK + 1);
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

    for path in files_of(&cache) {
        let mut bytes = fs::read(&path).unwrap();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
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

/// Past the time within which a second change of a file could look like the first one.
fn settle() {
    std::thread::sleep(Duration::from_millis(2100));
}

/// An encoder that looks at one pixel, and a catalog that changes between the look at a file and the reading.
struct Pixel;

impl Encoder for Pixel {
    fn fingerprint(&self) -> String {
        "pixel".to_owned()
    }

    fn dimension(&self) -> usize {
        3
    }

    fn square(&self) -> (f64, u32) {
        (1.0, 8)
    }

    fn frame(&self, photo: &photos::Photo) -> Vec<u8> {
        let photos::Photo::Rgb(photo) = photo else { unreachable!("the images of these tests are no JPEGs") };
        photo.pixels()[..3].to_vec()
    }

    fn encode(&self, pictures: Vec<Vec<u8>>, done: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>> {
        let features = pictures.into_iter().inspect(|_| done()).map(|pixel| pixel.into_iter().map(f32::from).collect());
        Ok(features.collect())
    }
}

fn pixels(shop: &Path, images: &[Option<&str>], set: impl Fn(Images<Pixel>) -> Images<Pixel>) -> Embedded {
    let embedder = set(Images::new(Pixel, shop, Some(shop.join("cache"))));
    embedder.embed(&mut catalog(images), &Progress::hidden()).unwrap()
}

fn plain_picture(path: &Path, color: [u8; 3]) {
    image::RgbImage::from_pixel(8, 8, image::Rgb(color)).save(path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_is_read_again_only_when_it_may_have_changed_or_when_asked() {
    let shop = shop();
    let images = [Some("a.png"), Some("b.png"), Some("copy of a.jpg"), Some("broken.jpg")];
    let night = |rehash: bool| pixels(shop.path(), &images, |embedder| embedder.rehash(rehash));
    // Written just now: the first nights do not vouch for the files.
    let first = night(false);
    settle();
    night(false);
    let stop = |readable: bool| {
        // What is not read need not be readable; mode bits would not stop a superuser, so the content goes instead.
        for name in ["a.png", "broken.jpg"] {
            let (path, away) = (shop.path().join(name), shop.path().join(name).with_extension("away"));
            if readable { fs::rename(away, path).unwrap() } else { fs::rename(path, away).unwrap() }
        }
    };
    let warm = night(false);
    assert_eq!((first.computed, warm.computed), (2, 0));
    assert_eq!(warm.inputs, first.inputs);
    assert_eq!(warm.rejects, first.rejects);
    assert_eq!(night(true).inputs, first.inputs);
    stop(false);
    assert_eq!(night(false).rejects.len(), 2);
    stop(true);
    assert_eq!(night(false).rejects, first.rejects);
}

#[test]
fn a_file_that_changes_within_the_tick_of_the_clock_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bmp");
    plain_picture(&path, [10, 0, 0]);
    let then = fs::metadata(&path).unwrap().modified().unwrap();
    let before = pixels(folder.path(), &[Some("a.bmp")], |embedder| embedder);
    // Another picture of the same size, with the same time.
    plain_picture(&path, [0, 10, 0]);
    fs::File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    let after = pixels(folder.path(), &[Some("a.bmp")], |embedder| embedder);
    assert_ne!(before.inputs, after.inputs);
    assert_eq!(
        (before.vectors.get(0).unwrap(), after.vectors.get(0).unwrap()),
        (&[1.0, 0.0, 0.0][..], &[0.0, 1.0, 0.0][..])
    );
}

#[test]
fn a_file_that_changes_behind_the_first_look_takes_nobody_with_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.bmp", "b.bmp", "c.bmp"] {
        plain_picture(&folder.path().join(name), [10, 0, 0]);
    }
    settle();
    let images = [Some("a.bmp"), Some("b.bmp"), Some("c.bmp")];
    let before = pixels(folder.path(), &images, |embedder| embedder);
    // The index knows what the files were; the features are lost, and the first file changes before it is read for them.
    files_of(&folder.path().join("cache")).iter().filter(|path| path.extension().is_some()).for_each(|path| {
        fs::remove_file(path).unwrap();
    });
    let embedder = Images::new(Pixel, folder.path(), Some(folder.path().join("cache")));
    let catalog = catalog(&images);
    let progress = Progress::hidden();
    let mut session = embedder.session(&catalog.products, &progress).unwrap();
    let mut seen: Vec<Seen> = session.views.iter().map(|view| session.glance(view.image)).collect();
    assert!(seen.iter().all(|seen| matches!(seen, Seen::Image(..))));
    session.recognize(&seen);
    session.load();
    plain_picture(&folder.path().join("a.bmp"), [0, 10, 0]);
    session.read_the_rest(&mut seen).unwrap();
    let after = session.finish(&seen);
    assert_eq!((before.computed, after.computed), (1, 2));
    assert_eq!(after.vectors.get(0).unwrap(), [0.0, 1.0, 0.0]);
    assert_eq!(after.vectors.get(1), before.vectors.get(1));
    assert_eq!(after.vectors.get(2), before.vectors.get(1));
}

#[test]
fn an_image_that_cannot_be_decoded_is_tried_again_only_when_asked() {
    let shop = shop();
    let cache = shop.path().join("cache");
    let images = [Some("broken.jpg"), Some("a.png")];
    let first = pixels(shop.path(), &images, |embedder| embedder);
    assert_eq!(first.rejects[0].code, "image_broken");
    // What is remembered is believed: here something else is.
    let content = *blake3::hash(&fs::read(shop.path().join("broken.jpg")).unwrap()).as_bytes();
    let mut other = Cache::open(Some(cache.clone()), "pixel", 3);
    let remembered = other.fault(&content).unwrap().clone();
    assert_eq!(first.rejects[0].detail, format!("`broken.jpg`: {}", remembered.detail.replace('\n', " ")));
    other.add_fault(content, &Fault { code: "image_format", detail: "remembered".to_owned() });
    other.finish();
    let second = pixels(shop.path(), &images, |embedder| embedder);
    assert_eq!((second.rejects[0].code, &*second.rejects[0].detail), ("image_format", "`broken.jpg`: remembered"));
    let retried = pixels(shop.path(), &images, |embedder| embedder.retry_rejects(true));
    assert_eq!(retried.rejects, first.rejects);
    assert_eq!(pixels(shop.path(), &images, |embedder| embedder).rejects, first.rejects);
}

#[test]
fn one_changed_image_among_a_hundred_is_the_only_one_computed() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..100).map(|image| format!("{image}.png")).collect();
    for (image, name) in (0..).zip(&names) {
        plain_picture(&folder.path().join(name), [image, 100, 7]);
    }
    let images: Vec<Option<&str>> = names.iter().map(|name| Some(&**name)).collect();
    let first = pixels(folder.path(), &images, |embedder| embedder);
    plain_picture(&folder.path().join("42.png"), [200, 200, 7]);
    let second = pixels(folder.path(), &images, |embedder| embedder);
    assert_eq!((first.computed, second.computed), (100, 1));
    for image in 0..100 {
        assert_eq!(first.vectors.get(image) == second.vectors.get(image), image != 42, "{image}");
    }
}
