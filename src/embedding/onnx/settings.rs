//! What a shop says of its own encoder under `[embedding]`. This file refuses values that cannot be meant, naming the key.

use std::path::PathBuf;

use anyhow::{bail, ensure};

/// What the configuration says of the model; `None` where the model is to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The ONNX file.
    pub model: PathBuf,
    /// The file of ONNX Runtime, or the folder it lies in.
    pub library: Option<PathBuf>,
    /// The order of the input's axes.
    pub layout: Option<Layout>,
    /// Rows and columns of the input.
    pub size: Option<usize>,
    /// The centered square that the network sees, as a share of the photo's short side.
    pub crop: f64,
    /// The order of the colors.
    pub channels: Channels,
    /// What a byte of 255 is before `mean` and `std`: 1 or 255.
    pub range: f64,
    /// Subtracted from each color.
    pub mean: [f64; 3],
    /// What each color is divided by then.
    pub std: [f64; 3],
    /// The output's name.
    pub output: Option<String>,
    /// Pictures at a time.
    pub batch: Option<usize>,
    /// What may compute, the first that can be had; at least one.
    pub providers: Vec<Provider>,
}

/// The order of the input's axes: pictures, then these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Channels, rows, columns.
    Nchw,
    /// Rows, columns, channels.
    Nhwc,
}

/// The order of the colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// An execution provider of ONNX Runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// The processor.
    Cpu,
    /// NVIDIA's.
    Cuda,
    /// Apple's.
    CoreMl,
    /// Microsoft's, over DX12.
    DirectMl,
}

/// A value of a key that takes a few words.
pub trait Word: Copy + PartialEq + Sized + 'static {
    /// The key.
    const KEY: &'static str;
    /// All values with their words.
    const ALL: &'static [(&'static str, Self)];

    /// The word.
    fn word(self) -> &'static str {
        let named = Self::ALL.iter().find(|(_, value)| *value == self);
        named.expect("every value has a word").0
    }

    /// The value of a word.
    ///
    /// # Errors
    /// One that names the key and the words that it takes.
    fn parse(word: &str) -> anyhow::Result<Self> {
        let Some((_, value)) = Self::ALL.iter().find(|(known, _)| *known == word) else {
            let known: Vec<String> = Self::ALL.iter().map(|(known, _)| format!("`{known}`")).collect();
            bail!("`{} = \"{word}\"` under `[embedding]` is unknown: write {}", Self::KEY, known.join(" or "));
        };
        Ok(*value)
    }
}

impl Word for Layout {
    const KEY: &'static str = "layout";
    const ALL: &'static [(&'static str, Layout)] = &[("nchw", Layout::Nchw), ("nhwc", Layout::Nhwc)];
}

impl Word for Channels {
    const KEY: &'static str = "channels";
    const ALL: &'static [(&'static str, Channels)] = &[("rgb", Channels::Rgb), ("bgr", Channels::Bgr)];
}

impl Word for Provider {
    const KEY: &'static str = "providers";
    const ALL: &'static [(&'static str, Provider)] = &[
        ("cpu", Provider::Cpu),
        ("cuda", Provider::Cuda),
        ("coreml", Provider::CoreMl),
        ("directml", Provider::DirectMl),
    ];
}

impl Settings {
    /// The least that must be said, and the defaults of the rest.
    #[must_use]
    pub fn new(model: PathBuf, mean: [f64; 3], std: [f64; 3]) -> Settings {
        Settings {
            model,
            library: None,
            layout: None,
            size: None,
            crop: 0.875,
            channels: Channels::Rgb,
            range: 1.0,
            mean,
            std,
            output: None,
            batch: None,
            providers: vec![Provider::Cpu],
        }
    }

    /// Whether the values can be meant.
    ///
    /// # Errors
    /// One that names the key.
    pub fn validate(&self) -> anyhow::Result<()> {
        let Settings { crop, range, mean, std, .. } = self;
        ensure!(*crop > 0.0 && *crop <= 1.0, "`crop = {crop}` under `[embedding]` is not above 0 and at most 1");
        ensure!(
            [1.0, 255.0].contains(range),
            "`range = {range}` under `[embedding]` is what a white pixel is before `mean` and `std`: write 1 or 255"
        );
        let off = mean.iter().find(|mean| !(0.0..=*range).contains(*mean));
        if let Some(mean) = off {
            bail!(
                "`mean` under `[embedding]` has {mean}, which no pixel reaches: they are from 0 to `range`, which is {range}"
            );
        }
        let off = std.iter().find(|std| !(std.is_finite() && **std > 0.0));
        if let Some(std) = off {
            bail!("`std` under `[embedding]` has {std}, but colors are divided by it: write numbers above 0");
        }
        for (key, number) in [("size", self.size), ("batch", self.batch)] {
            let most = if key == "size" { 4096 } else { 1024 };
            ensure!(
                number.is_none_or(|number| (1..=most).contains(&number)),
                "`{key} = {}` under `[embedding]` is not within 1 and {most}",
                number.unwrap_or_default()
            );
        }
        ensure!(!self.providers.is_empty(), "`providers` under `[embedding]` is empty: write `providers = [\"cpu\"]`");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_meant_are_errors_that_name_the_key() {
        let plain = Settings::new("m.onnx".into(), [0.5; 3], [0.25; 3]);
        assert!(plain.validate().is_ok());
        let wrong = [
            ("`crop = 0`", Settings { crop: 0.0, ..plain.clone() }),
            ("`crop = 1.5`", Settings { crop: 1.5, ..plain.clone() }),
            ("`range = 2`", Settings { range: 2.0, ..plain.clone() }),
            ("`mean` under `[embedding]` has 123.675", Settings { mean: [123.675, 116.28, 103.53], ..plain.clone() }),
            ("`mean`", Settings { mean: [f64::NAN; 3], ..plain.clone() }),
            ("`std` under `[embedding]` has 0", Settings { std: [0.2, 0.0, 0.2], ..plain.clone() }),
            ("`size = 0`", Settings { size: Some(0), ..plain.clone() }),
            ("`batch = 5000`", Settings { batch: Some(5000), ..plain.clone() }),
            ("`providers`", Settings { providers: Vec::new(), ..plain.clone() }),
        ];
        for (expected, settings) in wrong {
            let error = settings.validate().expect_err(expected).to_string();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_with_those_that_are_known() {
        let error = Layout::parse("nwhc").expect_err("unknown").to_string();
        assert_eq!(error, "`layout = \"nwhc\"` under `[embedding]` is unknown: write `nchw` or `nhwc`");
        assert_eq!(Provider::parse("cuda").expect("known").word(), "cuda");
    }
}
