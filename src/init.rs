//! `twinset init`: a commented `twinset.toml` for a catalog, after a look at its columns. This room refuses to
//! overwrite a file, and to guess without saying so.

mod guess;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, anyhow};
use guess::Guess;

use crate::catalog::{self, Columns, Format};
use crate::error::{Error, Result};

/// What `init` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitReport {
    /// The configuration that was written.
    pub written: PathBuf,
    /// What to know or to do before the first run, a sentence each.
    pub warnings: Vec<String>,
}

/// Writes a configuration for `catalog` to `target`; `images` is the image root, `None` looks for it beside the catalog.
///
/// # Errors
/// [`Error::Catalog`] when the catalog cannot be used; [`Error::Config`] when `target` exists or its folder does not.
pub fn init(catalog: &Path, images: Option<&Path>, target: &Path) -> Result<InitReport> {
    if target.exists() {
        return Err(already_there(target));
    }
    let columns = catalog::columns(catalog, None)?;
    let guess = Guess::of(&columns);
    let mut warnings = guess.warnings();
    let images = images.map_or_else(|| find_image_root(catalog, &guess), Path::to_owned);
    warnings.extend(warn_about_image_root(&images, &guess));

    let base = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let paths = Paths { catalog: relative(catalog, base)?, images: relative(&images, base)? };
    let currency = choose_currency(&guess, &mut warnings);
    write_new(target, &render(&columns, &guess, &paths, currency.as_deref()))?;
    Ok(InitReport { written: target.to_owned(), warnings })
}

/// Paths as the configuration says them: relative to its own folder where that is possible.
struct Paths {
    catalog: String,
    images: String,
}

fn render(columns: &Columns, guess: &Guess<'_>, paths: &Paths, currency: Option<&str>) -> String {
    let mut text = String::from(
        "# Written by `twinset init` after a look at the catalog: check it, then `twinset run` with this file.\n\
         # Relative paths start at this file.\n\n",
    );
    catalog_section(&mut text, columns, guess, paths, currency);
    embedding_section(&mut text, guess);
    text.push_str(REST);
    text
}

fn catalog_section(text: &mut String, columns: &Columns, guess: &Guess<'_>, paths: &Paths, currency: Option<&str>) {
    let mut lines: Vec<(String, &str)> = vec![(format!("path = {}", quote(&paths.catalog)), "")];
    lines.push(match columns.format {
        Format::Shopify => ("format = \"shopify\"".into(), "Shopify's product export, as it is"),
        Format::Csv => ("# format = \"csv\"".into(), "decided by content unless set: csv, parquet, jsonl, shopify"),
        Format::Parquet => ("# format = \"parquet\"".into(), "decided by content unless set"),
        Format::Jsonl => ("# format = \"jsonl\"".into(), "decided by content unless set"),
    });
    lines
        .push((format!("images = {}", quote(&paths.images)), "the folder that image paths start at and may not leave"));
    lines.push(match currency {
        Some(code) => (format!("currency = {}", quote(code)), "a guess: the catalog has no column that says it"),
        None => ("# currency = \"USD\"".into(), "for rows whose currency is empty"),
    });
    lines.push(if guess.decimal_comma {
        ("decimal = \",\"".into(), "prices are written like 19,99")
    } else {
        ("# decimal = \",\"".into(), "for prices written like 19,99")
    });
    lines.push(columns_line(guess));
    let further: Vec<String> = guess.further_images.iter().map(|column| quote(column)).collect();
    lines.push(if further.is_empty() {
        ("# further_images = [\"image_2\"]".into(), "columns with other views of a product")
    } else {
        (format!("further_images = [{}]", further.join(", ")), "other views of a product; a guess by their names")
    });
    lines.push(match guess.image_separator {
        Some(separator) => {
            (format!("image_separator = {}", quote(&separator.to_string())), "between the images of a cell")
        }
        None => ("# image_separator = \",\"".into(), "where a cell holds several images"),
    });

    text.push_str("[catalog]\n");
    for (setting, comment) in lines {
        if comment.is_empty() {
            let _ = writeln!(text, "{setting}");
        } else {
            let _ = writeln!(text, "{setting:<24}  # {comment}");
        }
    }
    let names: Vec<String> = columns.columns.iter().map(|column| quote(&column.name)).collect();
    let _ = writeln!(text, "# The catalog's columns: {}\n", names.join(", "));
}

fn columns_line(guess: &Guess<'_>) -> (String, &'static str) {
    let pairs: Vec<String> =
        guess.mapping.iter().map(|(field, column)| format!("{field} = {}", quote(column))).collect();
    if pairs.is_empty() {
        return (
            "# columns = { id = \"sku\" }".into(),
            "standard field = the catalog's column, only where names differ",
        );
    }
    (format!("columns = {{ {} }}", pairs.join(", ")), "standard field = the catalog's column; a guess by their names")
}

fn embedding_section(text: &mut String, guess: &Guess<'_>) {
    text.push_str("[embedding]\n");
    match guess.vectors {
        Some(column) => {
            text.push_str("kind = \"column\"  # vectors from the catalog; no image is opened. \"builtin\" would look at the images\n");
            let _ = writeln!(text, "column = {}\n", quote(column));
        }
        None => text.push_str(EMBEDDING),
    }
}

/// Where the catalog has no vectors.
const EMBEDDING: &str = r#"kind = "builtin"  # the network in the binary; or "column" with column = "embedding" for vectors of your own
# views = "first" # of a product with several images only the first is looked at; or their "mean", or the "best" pair: docs/views.md
# kind = "onnx"   # or your own network, with model = "clip.onnx", mean and std: docs/own-model.md

"#;

/// Everything that does not depend on the catalog. The rules are those that hold when a file has none.
const REST: &str = r#"[similarity]
device = "auto"  # a GPU that passes its self-test, else the CPU; or cpu, gpu, or what `twinset devices` shows

[output]
path = "out"
embeddings = false  # true also publishes the vectors

# The three rules below are conventions, not laws of commerce: change them, or add your own.

# What looks like it: other products of the same department, at any price.
[[rule]]
name = "similar"
relation = "similar"
candidates = "same_department"
limit = 10

# What goes with it: products of the categories that complement its own, hardly dearer than itself.
[[rule]]
name = "cross_sell"
relation = "cross_sell"
candidates = "complement"
price_ratio = { up_to = 1.05 }  # the candidate's price / the product's price
limit = 10

# A better one: the same category, dearer, up to twice the price; best at a quarter more.
[[rule]]
name = "upsell"
relation = "upsell"
candidates = "same_category"
price_ratio = { above = 1.0, up_to = 2.0 }
rank = { similarity = 1.0, price_fit = { weight = 0.3, best_ratio = 1.25 } }
limit = 10
# fallback = "similar"                         # whose list fills what is free
# diversity = { max_per = { brand = 3 } }      # at most so many of one brand, while there are others

# Also there; docs/rules.md says what each means.
#
# [complements]                                # what goes with what, by categories
# "Jewelry/Necklaces" = ["Jewelry/Earrings"]
#
# [orders]                                     # or learned from what was bought together: order_id, product_id, date
# path = "orders.csv"
#
# [merchandising]                              # pins and blocks: action, product, rule, recommended, position, dates
# path = "merchandising.csv"
#
# [duplicates]                                 # nearly the same picture in different products: docs/duplicates.md
# min_similarity = 0.9
#
# [[placement]]                                # what a page shows, from the lists of all rules
# name = "product_page"
# blend = [{ relation = "cross_sell", slots = 5 }, { relation = "upsell", slots = 3 }]
"#;

fn choose_currency(guess: &Guess<'_>, warnings: &mut Vec<String>) -> Option<String> {
    if guess.column("currency").is_some() {
        return None;
    }
    if let Some(currency) = guess.currency_by_name() {
        return Some(currency.to_string());
    }
    let currency = if guess.decimal_comma { "EUR" } else { "USD" };
    warnings
        .push(format!("nothing in the catalog says its currency: `currency = \"{currency}\"` is a guess, correct it"));
    Some(currency.to_owned())
}

/// The first folder beside the catalog below which the first image is found.
fn find_image_root(catalog: &Path, guess: &Guess<'_>) -> PathBuf {
    let beside = catalog.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let candidates = ["", "images", "img", "media", "photos"].map(|name| beside.join(name));
    let first = guess.images().next();
    let found = first.and_then(|image| candidates.into_iter().find(|root| root.join(image).is_file()));
    found.unwrap_or_else(|| beside.to_owned())
}

fn warn_about_image_root(root: &Path, guess: &Guess<'_>) -> Option<String> {
    let samples: Vec<&str> = guess.images().collect();
    let is_useless = samples.is_empty() || guess.vectors.is_some() || guess.images_are_urls();
    if is_useless || samples.iter().any(|image| root.join(image).is_file()) {
        return None;
    }
    let (count, root, first) = (samples.len(), root.display(), &samples[0]);
    Some(format!(
        "none of the first {count} images is below `{root}`, for example `{first}`: set `images` to their folder"
    ))
}

/// `path` as seen from the folder `base`, with `/` between its parts; absolute where they share nothing.
fn relative(path: &Path, base: &Path) -> Result<String> {
    let real = |path: &Path| {
        let known = path.canonicalize().with_context(|| format!("cannot find `{}`: check its name", path.display()));
        known.map_err(Error::Config)
    };
    let (path, base) = (real(path)?, real(base)?);
    let shared = path.components().zip(base.components()).take_while(|(a, b)| a == b);
    let shared_parts = shared.clone().count();
    let text = if shared.into_iter().any(|(part, _)| matches!(part, Component::Normal(_))) || path.starts_with(&base) {
        let ups = base.components().skip(shared_parts).map(|_| "..".to_owned());
        let downs = path.components().skip(shared_parts).map(|part| part.as_os_str().to_string_lossy().into_owned());
        ups.chain(downs).collect::<Vec<_>>().join("/")
    } else {
        path.to_string_lossy().into_owned()
    };
    Ok(if text.is_empty() { ".".to_owned() } else { text })
}

fn write_new(target: &Path, text: &str) -> Result<()> {
    let outcome = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(target)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    outcome.map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => already_there(target),
        _ => Error::Config(anyhow!("cannot write `{}`: {cause}", target.display())),
    })
}

fn already_there(target: &Path) -> Error {
    Error::Config(anyhow!("`{}` is already there: remove it first, or name another file", target.display()))
}

/// A TOML string on one line: JSON's escapes are TOML's, but for one byte.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7F}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Written {
        table: toml::Table,
        text: String,
        warnings: Vec<String>,
    }

    /// Runs `init` on a catalog of this text, with an image beside it.
    fn init_on(catalog: &str) -> Written {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("images")).unwrap();
        std::fs::write(folder.path().join("images/a.jpg"), b"").unwrap();
        std::fs::write(folder.path().join("shop.csv"), catalog).unwrap();
        let target = folder.path().join("twinset.toml");
        let report = init(&folder.path().join("shop.csv"), None, &target).unwrap();
        let text = std::fs::read_to_string(target).unwrap();
        Written { table: text.parse().unwrap(), text, warnings: report.warnings }
    }

    #[test]
    fn a_standard_catalog_needs_no_guess() {
        let written = init_on("id,title,category,price,currency,image\n1,One,A/B,5,USD,images/a.jpg\n");
        assert_eq!(written.warnings, [""; 0]);
        let expected: toml::Table = r#"
            [catalog]
            path = "shop.csv"
            images = "."
            [embedding]
            kind = "builtin"
            [similarity]
            device = "auto"
            [output]
            path = "out"
            embeddings = false
            [[rule]]
            name = "similar"
            relation = "similar"
            candidates = "same_department"
            limit = 10
            [[rule]]
            name = "cross_sell"
            relation = "cross_sell"
            candidates = "complement"
            limit = 10
            price_ratio = { up_to = 1.05 }
            [[rule]]
            name = "upsell"
            relation = "upsell"
            candidates = "same_category"
            limit = 10
            price_ratio = { above = 1.0, up_to = 2.0 }
            rank = { similarity = 1.0, price_fit = { weight = 0.3, best_ratio = 1.25 } }
        "#
        .parse()
        .unwrap();
        assert_eq!(written.table, expected, "{}", written.text);
    }

    #[test]
    fn names_that_differ_are_mapped_and_commas_noticed() {
        let text = "SKU;Product Name;Product type;Price (CHF);availability;picture\n1;\"A \"\"b\"\"\";A;\"1.299,00\";in stock;a.jpg\n";
        let written = init_on(text);
        let catalog = &written.table["catalog"];
        let columns: toml::Table = r#"id = "SKU"
            title = "Product Name"
            category = "Product type"
            price = "Price (CHF)"
            image = "picture"
            in_stock = "availability""#
            .parse()
            .unwrap();
        assert_eq!(catalog["columns"], toml::Value::Table(columns));
        assert_eq!((catalog["currency"].as_str(), catalog["decimal"].as_str()), (Some("CHF"), Some(",")));
        assert_eq!(catalog["images"].as_str(), Some("images"));
        assert!(written.warnings.len() == 1 && written.warnings[0].contains("decimal"), "{:?}", written.warnings);
    }

    #[test]
    fn what_will_not_work_is_said_before_the_first_run() {
        let written = init_on("id,image\n1,https://shop.example/a.jpg\n");
        let all = written.warnings.join("\n");
        for needed in ["`no_price`", "`no_category`", "URLs", "currency"] {
            assert!(all.contains(needed), "{all}");
        }
        let written =
            init_on("{\"id\": 1, \"price\": 5, \"category\": \"A\", \"vector\": [0.5, 1], \"image\": \"http://x\"}\n");
        assert_eq!(written.table["embedding"]["column"].as_str(), Some("vector"));
        assert_eq!(written.warnings.len(), 1, "only the currency is a guess: {:?}", written.warnings);
        let written = init_on("Handle,Title,Variant Price,Type\na,A,5,Cups\n");
        assert_eq!(written.table["catalog"]["format"].as_str(), Some("shopify"));
        assert_eq!(written.table["catalog"].get("columns"), None);
    }

    #[test]
    fn lists_of_images_and_further_columns_are_seen() {
        let written = init_on("SKU,Name,Categories,Regular price,Currency,Images\n1,A,B,5,EUR,images/a.jpg\n");
        assert_eq!(written.table["catalog"]["columns"]["image"].as_str(), Some("Images"));
        assert_eq!(written.warnings, [""; 0]);
        assert_eq!(written.table["catalog"].get("image_separator"), None);
        let lists = "SKU,Name,Categories,Regular price,Currency,Images\n1,A,B,5,EUR,\"images/a.jpg, b.jpg\"\n";
        let written = init_on(lists);
        assert_eq!(written.table["catalog"]["columns"]["image"].as_str(), Some("Images"));
        assert_eq!(written.table["catalog"]["image_separator"].as_str(), Some(","));
        assert_eq!(written.warnings, [""; 0], "the first of the list is there");
        let columns = "id,title,category,price,currency,image_link,Image 2,image_1,additional_image_link\n\
            1,A,B,5,EUR,images/a.jpg,b.jpg,,c.jpg\n";
        let written = init_on(columns);
        let further: Vec<_> = written.table["catalog"]["further_images"].as_array().unwrap().iter().collect();
        assert_eq!(
            further.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>(),
            ["Image 2", "additional_image_link"]
        );
        assert_eq!(written.table["catalog"].get("image_separator"), None);
    }

    #[test]
    fn a_name_with_awkward_characters_stays_in_its_line() {
        let written = init_on("\"S\nK'U\u{7F}\",id,\"Pro\"\"duct\nName\",product_name\n1,2,3,4\n");
        assert_eq!(written.table["catalog"]["columns"]["title"].as_str(), Some("Pro\"duct\nName"), "{}", written.text);
    }

    #[test]
    fn a_file_that_is_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (shop, target) = (folder.path().join("shop.csv"), folder.path().join("twinset.toml"));
        std::fs::write(&shop, "id\n1\n").unwrap();
        std::fs::write(&target, "mine").unwrap();
        assert_eq!(init(&shop, None, &target).unwrap_err().exit_code(), 2);
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
        assert_eq!(init(&shop, None, &folder.path().join("no/twinset.toml")).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn paths_are_seen_from_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["conf", "data/img"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let from = |path: &str, base: &str| relative(&folder.path().join(path), &folder.path().join(base)).unwrap();
        assert_eq!(from("data/img", "conf"), "../data/img");
        assert_eq!(from("data/img", "data"), "img");
        assert_eq!(from("data", "data"), ".");
    }
}
