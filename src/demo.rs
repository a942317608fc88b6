//! The demo shop: a few hundred products with pictures, drawn from nothing, the same bytes on every machine.
//!
//! This room refuses the network, and to touch a folder that it did not draw.

mod assortment;
mod canvas;
mod chance;
mod pictures;
mod settings;
mod shape;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::progress::Progress;
use assortment::Item;
use pictures::Picture;

/// The shop as it lies in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// Its `twinset.toml`.
    pub config: PathBuf,
    /// Rows of `products.csv`.
    pub products: usize,
    /// Files under `images`; products may share one, and a service has none.
    pub images: usize,
}

/// Draws the demo shop into `folder`: `products.csv`, `images/*.png` and `twinset.toml`.
///
/// A folder that an earlier demo drew is used again: only files whose bytes differ are written. Progress counts images.
///
/// # Errors
/// [`Error::Config`] when the folder has something else in it or is no folder; [`Error::Failed`] when a file cannot be
/// written.
pub fn draw_shop(folder: &Path, progress: &Progress) -> Result<Shop> {
    claim(folder)?;
    let items = assortment::assortment();
    write_if_changed(&folder.join("products.csv"), &catalog(&items)?)?;
    let pictures = files(&items);
    progress.start(u64::try_from(pictures.len()).context("too many pictures")?);
    pictures.par_iter().try_for_each(|(name, picture)| -> Result<()> {
        let path = folder.join(name);
        let bytes = pictures::draw(picture).png().with_context(|| format!("cannot encode `{}`", path.display()))?;
        write_if_changed(&path, &bytes)?;
        progress.advance(1);
        Ok(())
    })?;
    Ok(Shop { config: folder.join(SETTINGS_FILE), products: items.len(), images: pictures.len() })
}

const SETTINGS_FILE: &str = "twinset.toml";

/// Makes the folder ours, or refuses it. The mark goes in first, so that a demo cut short can be drawn again.
fn claim(folder: &Path) -> Result<()> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(cause) if cause.kind() == ErrorKind::NotFound => true,
        Err(cause) if cause.kind() == ErrorKind::NotADirectory => {
            let refusal = anyhow!("cannot draw the demo into `{}`: it is not a folder; name another", folder.display());
            return Err(Error::Config(refusal));
        }
        Err(cause) => return Err(anyhow!(cause).context(format!("cannot read `{}`", folder.display())).into()),
    };
    let mark = folder.join(SETTINGS_FILE);
    if !is_empty && !fs::read(&mark).is_ok_and(|bytes| bytes == settings::SETTINGS.as_bytes()) {
        return Err(Error::Config(anyhow!(
            "cannot draw the demo into `{}`: it is not empty and its `{SETTINGS_FILE}` is not the demo's; name a new or \
             empty folder, or, if this is a demo whose rules you changed, use `twinset run {}`",
            folder.display(),
            mark.display()
        )));
    }
    let images = folder.join("images");
    fs::create_dir_all(&images).with_context(|| format!("cannot create `{}`", images.display()))?;
    write_if_changed(&mark, settings::SETTINGS.as_bytes())
}

/// `products.csv`.
fn catalog(items: &[Item]) -> Result<Vec<u8>> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let header = [
        "id",
        "title",
        "category",
        "price",
        "currency",
        "image",
        "group_id",
        "brand",
        "in_stock",
        "gender",
        "material",
        "sale_price",
    ];
    let written = (|| -> anyhow::Result<Vec<u8>> {
        table.write_record(header)?;
        for item in items {
            table.write_record([
                item.id.as_str(),
                &item.title,
                item.category,
                &money(item.price),
                "USD",
                &item.image.as_ref().map(|(name, _)| image_path(name)).unwrap_or_default(),
                item.group.as_deref().unwrap_or_default(),
                item.brand,
                if item.in_stock { "true" } else { "false" },
                item.gender,
                item.material,
                &item.sale_price.map(money).unwrap_or_default(),
            ])?;
        }
        Ok(table.into_inner()?)
    })();
    Ok(written.context("cannot write the demo's catalog")?)
}

/// Each image's path below the folder, and what it shows, once.
fn files(items: &[Item]) -> Vec<(String, Picture)> {
    let images = items.iter().filter_map(|item| item.image.as_ref());
    let files: BTreeMap<String, Picture> = images.map(|(name, picture)| (image_path(name), picture.clone())).collect();
    files.into_iter().collect()
}

fn image_path(name: &str) -> String {
    format!("images/{name}.png")
}

/// Decimal text from cents.
fn money(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if !fs::read(path).is_ok_and(|old| old == bytes) {
        fs::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
