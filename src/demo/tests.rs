//! The drawn folder as a user finds it.

use std::collections::BTreeMap;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::*;

fn draw(folder: &Path) -> Result<Shop> {
    draw_shop(folder, &Progress::hidden())
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn rows_name_images_of_their_own_and_prices_that_parse() {
    let folder = tempfile::tempdir().unwrap();
    let shop = draw(folder.path()).unwrap();
    let mut table = csv::Reader::from_path(folder.path().join("products.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), shop.products);
    let mut without_image = 0;
    for row in &rows {
        let price = Decimal::from_str(&row["price"]).unwrap();
        assert!(price > Decimal::ZERO, "{row:?}");
        if !row["sale_price"].is_empty() {
            assert!(Decimal::from_str(&row["sale_price"]).unwrap() < price, "{row:?}");
        }
        if row["image"].is_empty() {
            assert_eq!(row["category"], "Electronics/Warranties");
            without_image += 1;
        } else {
            assert_eq!(image::image_dimensions(folder.path().join(&row["image"])).unwrap(), (320, 320));
        }
    }
    assert_eq!(without_image, 5);

    let mut seen = BTreeMap::new();
    for (path, bytes) in contents(&folder.path().join("images")) {
        if let Some(other) = seen.insert(bytes, path.clone()) {
            panic!("{} and {} show the same thing", path.display(), other.display());
        }
    }
    assert_eq!(seen.len(), shop.images);
}

#[test]
fn settings_are_toml_and_name_categories_that_exist() {
    let settings: toml::Table = settings::SETTINGS.parse().unwrap();
    let categories: Vec<&str> = assortment::assortment().iter().map(|item| item.category).collect();
    for (key, goes_with) in settings["complements"].as_table().unwrap() {
        let stem = key.trim_end_matches('*');
        assert!(categories.iter().any(|category| category.starts_with(stem)), "{key}");
        for category in goes_with.as_array().unwrap() {
            assert!(categories.contains(&category.as_str().unwrap()), "{category}");
        }
    }
    assert_eq!(settings["rule"].as_array().unwrap().len(), 7);
}

#[test]
fn draws_the_same_bytes_again_on_one_thread_and_leaves_the_results_alone() {
    let folder = tempfile::tempdir().unwrap();
    draw(folder.path()).unwrap();
    let before = contents(folder.path());
    let (ring, results) = (folder.path().join("images/ring-leaf-gold.png"), folder.path().join("out/current.json"));
    fs::write(&ring, "damaged").unwrap();
    fs::remove_file(folder.path().join("products.csv")).unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    fs::write(&results, "{}").unwrap();

    // Whatever came out differently the second time would be written over the first.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    alone.install(|| draw(folder.path())).unwrap();
    let mut after = contents(folder.path());
    assert_eq!(after.remove(&results).as_deref(), Some("{}".as_bytes()));
    assert!(before == after, "the second drawing differs");
}

#[test]
fn refuses_what_it_did_not_draw() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("twinset.toml");
    fs::write(&precious, "# my own rules\n").unwrap();
    let refusal = draw(folder.path()).unwrap_err();
    assert!(matches!(refusal, Error::Config(_)), "{refusal:?}");
    assert!(refusal.to_string().contains("not empty"), "{refusal}");
    assert_eq!(
        contents(folder.path()).into_iter().collect::<Vec<_>>(),
        [(precious.clone(), b"# my own rules\n".to_vec())]
    );

    let refusal = draw(&precious).unwrap_err();
    assert!(matches!(refusal, Error::Config(_)) && refusal.to_string().contains("not a folder"), "{refusal}");
}
