//! `[embedding]`: where vectors come from. This file refuses keys of a kind that was not chosen.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::embedding::onnx::{Channels, Layout, Provider, Settings, Word};
use crate::embedding::{Quality, Views};

/// Where vectors come from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Embedding {
    /// The built-in networks look at the images.
    Builtin {
        /// How many of them.
        quality: Quality,
        /// What several images of one product mean.
        #[serde(skip_serializing_if = "Views::is_first")]
        views: Views,
    },
    /// The shop's own network does. What decides its vectors is in its fingerprint, which covers the model's bytes.
    Onnx {
        /// The model, and what goes into it.
        #[serde(skip)]
        settings: Box<Settings>,
        /// What several images of one product mean.
        #[serde(skip_serializing_if = "Views::is_first")]
        views: Views,
    },
    /// A column of the catalog holds them; no image is opened.
    Column {
        /// The column's name.
        column: String,
    },
}

impl Embedding {
    /// Whether a network looks at the images.
    #[must_use]
    pub fn by_image(&self) -> bool {
        !matches!(self, Embedding::Column { .. })
    }

    /// What several images of one product mean; vectors of a column are one a product.
    #[must_use]
    pub fn views(&self) -> Views {
        match self {
            Embedding::Builtin { views, .. } | Embedding::Onnx { views, .. } => *views,
            Embedding::Column { .. } => Views::First,
        }
    }
}

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    kind: Option<String>,
    column: Option<String>,
    quality: Option<Quality>,
    views: Option<Views>,
    model: Option<PathBuf>,
    library: Option<PathBuf>,
    layout: Option<String>,
    size: Option<usize>,
    crop: Option<f64>,
    channels: Option<String>,
    range: Option<f64>,
    mean: Option<[f64; 3]>,
    std: Option<[f64; 3]>,
    output: Option<String>,
    batch: Option<usize>,
    providers: Option<Vec<String>>,
}

impl Section {
    /// What the section asks for; paths start at `folder`.
    pub(super) fn resolve(self, folder: &Path) -> anyhow::Result<Embedding> {
        let kind = self.kind.as_deref().unwrap_or("builtin");
        let (column, quality) = (self.column.as_ref().map(|_| "column"), self.quality.map(|_| "quality"));
        let stray = match kind {
            "builtin" => self.keys_of_onnx().or(column),
            "column" => self.keys_of_onnx().or(quality),
            "onnx" => column.or(quality),
            other => bail!("`kind = \"{other}\"` under `[embedding]` is unknown: write `builtin`, `onnx` or `column`"),
        };
        if let Some(key) = stray {
            let kind = match key {
                "column" => "column",
                "quality" => "builtin",
                _ => "onnx",
            };
            bail!("`{key}` under `[embedding]` needs `kind = \"{kind}\"`");
        }
        ensure!(
            self.views.is_none() || kind != "column",
            "`views` under `[embedding]` is about images, and `kind = \"column\"` opens none: leave it out"
        );
        let views = self.views.unwrap_or_default();
        match kind {
            "builtin" => Ok(Embedding::Builtin { quality: self.quality.unwrap_or_default(), views }),
            "column" => Ok(Embedding::Column { column: self.column.unwrap_or_else(|| "embedding".to_owned()) }),
            _ => Ok(Embedding::Onnx { settings: Box::new(self.onnx(folder)?), views }),
        }
    }

    /// The first key that only `kind = "onnx"` has.
    fn keys_of_onnx(&self) -> Option<&'static str> {
        let keys = [
            ("model", self.model.is_some()),
            ("library", self.library.is_some()),
            ("layout", self.layout.is_some()),
            ("size", self.size.is_some()),
            ("crop", self.crop.is_some()),
            ("channels", self.channels.is_some()),
            ("range", self.range.is_some()),
            ("mean", self.mean.is_some()),
            ("std", self.std.is_some()),
            ("output", self.output.is_some()),
            ("batch", self.batch.is_some()),
            ("providers", self.providers.is_some()),
        ];
        keys.into_iter().find(|(_, is_there)| *is_there).map(|(key, _)| key)
    }

    fn onnx(self, folder: &Path) -> anyhow::Result<Settings> {
        let missing = |key: &str, example: &str| {
            format!("`kind = \"onnx\"` under `[embedding]` needs `{key}`, for example {example}")
        };
        let model = self.model.with_context(|| missing("model", "`model = \"clip.onnx\"`"))?;
        // A wrong guess would show nowhere but in worse lists.
        let why = "as the network was trained: no model says it";
        let mean = self.mean.with_context(|| missing("mean", &format!("`mean = [0.485, 0.456, 0.406]`, {why}")))?;
        let std = self.std.with_context(|| missing("std", &format!("`std = [0.229, 0.224, 0.225]`, {why}")))?;
        let mut settings = Settings::new(folder.join(model), mean, std);
        settings.library = self.library.map(|library| folder.join(library));
        settings.layout = self.layout.as_deref().map(Layout::parse).transpose()?;
        settings.size = self.size;
        settings.crop = self.crop.unwrap_or(settings.crop);
        settings.channels = self.channels.as_deref().map_or(Ok(settings.channels), Channels::parse)?;
        settings.range = self.range.unwrap_or(settings.range);
        settings.output = self.output;
        settings.batch = self.batch;
        if let Some(words) = self.providers {
            settings.providers = words.iter().map(|word| Provider::parse(word)).collect::<anyhow::Result<_>>()?;
        }
        settings.validate()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> anyhow::Result<Embedding> {
        let section: Section = toml::from_str(text).expect("a section");
        section.resolve(Path::new("shop"))
    }

    fn onnx(text: &str) -> Settings {
        let section =
            format!("kind = 'onnx'\nmodel = 'clip.onnx'\nmean = [0.5, 0.4, 0.3]\nstd = [0.2, 0.2, 0.2]\n{text}");
        match resolved(&section).expect("settings") {
            Embedding::Onnx { settings, .. } => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_least_that_a_model_needs_is_its_path_mean_and_std() {
        let plain = onnx("");
        assert_eq!(plain.model, Path::new("shop/clip.onnx"));
        assert_eq!((plain.crop, plain.range, plain.channels), (0.875, 1.0, Channels::Rgb));
        assert_eq!(plain.providers, [Provider::Cpu]);
        for (left_out, section) in [
            ("`model`", "mean = [0, 0, 0]\nstd = [1, 1, 1]"),
            ("`mean`", "model = 'm'\nstd = [1, 1, 1]"),
            ("`std`", "model = 'm'\nmean = [0, 0, 0]"),
        ] {
            let error = resolved(&format!("kind = 'onnx'\n{section}")).expect_err(left_out).to_string();
            assert!(error.contains(&format!("needs {left_out}")), "{error}");
        }
    }

    #[test]
    fn what_is_said_is_taken_and_paths_start_at_the_file() {
        let said = onnx(
            "library = 'lib/x.so'\nlayout = 'nhwc'\nsize = 260\ncrop = 1\nchannels = 'bgr'\nrange = 255\noutput = 'o'\n\
             batch = 4\nproviders = ['cuda', 'cpu']",
        );
        assert_eq!(said.library.as_deref(), Some(Path::new("shop/lib/x.so")));
        assert_eq!(
            (said.layout, said.size, said.crop, said.channels),
            (Some(Layout::Nhwc), Some(260), 1.0, Channels::Bgr)
        );
        assert_eq!((said.range, said.output.as_deref(), said.batch), (255.0, Some("o"), Some(4)));
        assert_eq!(said.providers, [Provider::Cuda, Provider::Cpu]);
    }

    #[test]
    fn keys_of_another_kind_are_errors_that_name_both() {
        for (section, expected) in [
            ("model = 'm'", "`model` under `[embedding]` needs `kind = \"onnx\"`"),
            ("kind = 'column'\nstd = [1, 1, 1]", "`std` under `[embedding]` needs `kind = \"onnx\"`"),
            ("kind = 'onnx'\ncolumn = 'c'", "`column` under `[embedding]` needs `kind = \"column\"`"),
            ("kind = 'onnx'\nquality = 'high'", "`quality` under `[embedding]` needs `kind = \"builtin\"`"),
            ("column = 'c'", "`column` under `[embedding]` needs `kind = \"column\"`"),
            ("kind = 'column'\nviews = 'first'", "`views` under `[embedding]` is about images"),
            ("kind = 'clip'", "write `builtin`, `onnx` or `column`"),
        ] {
            let error = resolved(section).expect_err(section).to_string();
            assert!(error.contains(expected), "{section}: {error}");
        }
    }

    #[test]
    fn where_a_model_lies_and_what_computes_it_decides_nothing() {
        let embedding = Embedding::Onnx { settings: Box::new(onnx("providers = ['cuda']")), views: Views::First };
        assert_eq!(serde_json::to_value(embedding).expect("JSON"), serde_json::json!({ "kind": "onnx" }));
    }

    #[test]
    fn views_decide_where_they_are_not_the_first() {
        let decisive = |text: &str| serde_json::to_value(resolved(text).expect("a section")).expect("JSON");
        let plain = serde_json::json!({ "kind": "builtin", "quality": "standard" });
        assert_eq!((decisive(""), decisive("views = 'first'")), (plain.clone(), plain.clone()));
        let others = ["views = 'mean'", "views = 'best'"].map(decisive);
        assert!(others[0] != plain && others[1] != plain && others[0] != others[1], "{others:?}");
        let onnx = "kind = 'onnx'\nmodel = 'm'\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nviews = 'best'";
        assert_eq!(resolved(onnx).expect("a section").views(), Views::Best);
        assert_eq!(decisive(onnx), serde_json::json!({ "kind": "onnx", "views": "best" }));
    }
}
