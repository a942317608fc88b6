//! Photos into features by the shop's own model. This file refuses features of another shape than the model showed at first.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, anyhow, ensure};
use half::f16;
use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue};
use ort::value::TensorRef;
use rayon::prelude::*;

use super::library::Library;
use super::session::{open, ports};
use super::settings::Word;
use super::signature::{Number, Signature};
use super::{Channels, Layout, Provider, Settings, external};
use crate::embedding::Encoder;
use crate::embedding::images::CHUNK;
use crate::error::{Error, Result};
use crate::photos::{self, Photo};

/// To be raised when decoding, framing or scaling change what an image becomes.
const PREPROCESSING: u32 = 2;
/// A network may multiply one picture's features by another kernel than those of several, with other bits: one alone gets a blank
/// beside it.
const FEWEST: usize = 2;

/// The shop's own model.
pub struct Onnx {
    session: Mutex<Session>,
    signature: Signature,
    dimension: usize,
    crop: f64,
    /// What each byte of each color becomes, in the order in which the model takes the colors: the index into a pixel beside it.
    colors: [(usize, Vec<f32>); 3],
    fingerprint: String,
    model: String,
    model_bytes: usize,
    library: &'static Library,
    provider: Provider,
}

impl fmt::Debug for Onnx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Onnx").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

impl Onnx {
    /// Finds ONNX Runtime, opens the model and shows it blank pictures.
    ///
    /// # Errors
    /// [`Error::Config`] when there is no library, when the model cannot be used, or when it and the configuration do not fit.
    pub fn open(settings: &Settings, threads: usize) -> Result<Onnx> {
        let model = settings.model.display();
        let open = || -> anyhow::Result<Onnx> {
            let size = std::fs::metadata(&settings.model).with_context(|| {
                format!("`model = \"{model}\"` under `[embedding]` cannot be read: name the ONNX file")
            })?;
            let library = Library::load(settings.library.as_deref())?;
            let model_bytes = usize::try_from(size.len()).unwrap_or(usize::MAX);
            Onnx::open_in(library, settings, threads, model_bytes)
                .with_context(|| format!("the model `{model}` cannot be used"))
        };
        open().map_err(Error::Config)
    }

    fn open_in(
        library: &'static Library,
        settings: &Settings,
        threads: usize,
        model_bytes: usize,
    ) -> anyhow::Result<Onnx> {
        let hash = external::hash(&settings.model)?;
        let (session, provider) = open(settings, library, threads)?;
        let signature = Signature::of(settings, &ports(session.inputs()), &ports(session.outputs()))?;
        let mut onnx = Onnx {
            session: Mutex::new(session),
            dimension: 0,
            crop: settings.crop,
            colors: colors(settings),
            fingerprint: fingerprint(settings, &signature, hash),
            model: settings.model.display().to_string(),
            model_bytes,
            library,
            provider,
            signature,
        };
        onnx.try_out()?;
        Ok(onnx)
    }

    /// Shows the model as many blank pictures as it may see at a time, but few: whether it takes several, and how many numbers
    /// come out, shows only when it runs.
    fn try_out(&mut self) -> anyhow::Result<()> {
        let Signature { side, batch, fixed, .. } = self.signature;
        let count = if fixed { batch } else { batch.min(FEWEST) };
        let blank = vec![vec![127; side * side * 3]; count];
        let features = self.run(&blank).with_context(|| {
            let try_one =
                if count > 1 && !fixed { "; if it takes one picture at a time only, set `batch = 1`" } else { "" };
            format!("it fails on {count} blank pictures of {side} × {side}{try_one}")
        })?;
        self.dimension = features[0].len();
        let told = self.signature.dimension;
        ensure!(
            self.dimension > 0 && told.is_none_or(|told| told == self.dimension),
            "its output `{}` has {} numbers a picture",
            self.signature.output,
            self.dimension
        );
        self.signature.dimension = Some(self.dimension);
        Ok(())
    }

    /// The features of at most a batch of pictures.
    fn run(&self, pictures: &[Vec<u8>]) -> anyhow::Result<Vec<Vec<f32>>> {
        let Signature { batch, fixed, .. } = self.signature;
        let rows = if fixed { batch } else { pictures.len().max(FEWEST.min(batch)) };
        match self.signature.number {
            Number::F32 => {
                let tensor = self.tensor(pictures, rows, |value| value);
                self.features(
                    TensorRef::from_array_view((self.shape(rows), tensor.as_slice()))?.into(),
                    rows,
                    pictures.len(),
                )
            }
            Number::F16 => {
                let tensor = self.tensor(pictures, rows, f16::from_f32);
                self.features(
                    TensorRef::from_array_view((self.shape(rows), tensor.as_slice()))?.into(),
                    rows,
                    pictures.len(),
                )
            }
        }
    }

    fn shape(&self, rows: usize) -> [usize; 4] {
        let side = self.signature.side;
        match self.signature.layout {
            Layout::Nchw => [rows, 3, side, side],
            Layout::Nhwc => [rows, side, side, 3],
        }
    }

    /// The pictures as the model takes them; rows that no picture fills stay zero.
    fn tensor<T: Copy + Default + Send + Sync>(
        &self,
        pictures: &[Vec<u8>],
        rows: usize,
        convert: impl Fn(f32) -> T,
    ) -> Vec<T> {
        let pixels = self.signature.side.pow(2);
        let colors =
            self.colors.each_ref().map(|(at, values)| (*at, values.iter().map(|&v| convert(v)).collect::<Vec<T>>()));
        let mut tensor = vec![T::default(); rows * pixels * 3];
        let fill = |(row, picture): (&mut [T], &Vec<u8>)| match self.signature.layout {
            Layout::Nchw => {
                for (plane, (at, values)) in row.chunks_exact_mut(pixels).zip(&colors) {
                    for (value, pixel) in plane.iter_mut().zip(picture.chunks_exact(3)) {
                        *value = values[usize::from(pixel[*at])];
                    }
                }
            }
            Layout::Nhwc => {
                for (values_of_pixel, pixel) in row.chunks_exact_mut(3).zip(picture.chunks_exact(3)) {
                    for (value, (at, values)) in values_of_pixel.iter_mut().zip(&colors) {
                        *value = values[usize::from(pixel[*at])];
                    }
                }
            }
        };
        tensor.par_chunks_mut(pixels * 3).zip(pictures).for_each(fill);
        tensor
    }

    /// What comes out for the first `wanted` of `rows` pictures.
    fn features(&self, input: SessionInputValue<'_>, rows: usize, wanted: usize) -> anyhow::Result<Vec<Vec<f32>>> {
        let name = self.signature.output.as_str();
        // What else the model could give is not computed.
        let options = RunOptions::new()?.with_outputs(OutputSelector::no_default().with(name));
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run_with_options([input], &options)?;
        let output = outputs.get(name).with_context(|| format!("`{name}` does not come out"))?;
        let (shape, values) = match self.signature.output_number {
            Number::F32 => {
                let (shape, values) = output.try_extract_tensor::<f32>()?;
                (shape, values.to_vec())
            }
            Number::F16 => {
                let (shape, values) = output.try_extract_tensor::<f16>()?;
                (shape, values.iter().map(|value| value.to_f32()).collect())
            }
        };
        let dimension = values.len() / rows;
        let expected = [rows, dimension, 1, 1];
        let is_vector = matches!(shape.len(), 2 | 4)
            && shape.iter().zip(expected).all(|(&axis, expected)| usize::try_from(axis) == Ok(expected));
        ensure!(
            is_vector && dimension > 0 && (self.dimension == 0 || dimension == self.dimension),
            "`{name}` comes out as {shape}, not as one vector for each of {rows} pictures"
        );
        Ok(values.chunks_exact(dimension).take(wanted).map(<[f32]>::to_vec).collect())
    }
}

impl Encoder for Onnx {
    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn memory(&self) -> usize {
        // Weights, and their copy in the order that the kernels want; the widest layers of a batch, which for the networks looked
        // at come to less than 96 channels of the picture's own size; two chunks of pictures.
        let pixels = self.signature.side.pow(2);
        2 * self.model_bytes + self.signature.batch * pixels * 96 * size_of::<f32>() + 2 * CHUNK * pixels * 3
    }

    fn describe(&self) -> Vec<String> {
        let Onnx { model, provider, .. } = self;
        vec![
            format!("`{model}`: {}", self.signature.describe()),
            format!("{}; computed by `{}`", self.library.describe(), provider.word()),
        ]
    }

    fn computed_by(&self) -> Option<String> {
        Some(format!("{}, {}", self.library.version(), self.provider.word()))
    }

    fn square(&self) -> (f64, u32) {
        (self.crop, u32::try_from(self.signature.side).expect("a side of some thousand at most"))
    }

    fn frame(&self, photo: &Photo) -> Vec<u8> {
        let (crop, side) = self.square();
        photos::crop_and_resize(photo, crop, side)
    }

    fn encode(&self, pictures: Vec<Vec<u8>>, done: &(dyn Fn() + Sync)) -> Result<Vec<Vec<f32>>> {
        let mut features = Vec::with_capacity(pictures.len());
        for batch in pictures.chunks(self.signature.batch) {
            let of_batch = self.run(batch).map_err(|cause| {
                Error::Failed(anyhow!("the model `{}` fails on {} pictures: {cause:#}", self.model, batch.len()))
            })?;
            features.extend(of_batch);
            for _ in batch {
                done();
            }
        }
        Ok(features)
    }
}

/// What each byte of each color becomes.
fn colors(settings: &Settings) -> [(usize, Vec<f32>); 3] {
    let order = match settings.channels {
        Channels::Rgb => [0, 1, 2],
        Channels::Bgr => [2, 1, 0],
    };
    [0, 1, 2].map(|place| {
        let (mean, std) = (settings.mean[place], settings.std[place]);
        #[expect(clippy::cast_possible_truncation, reason = "the model takes f32")]
        let value = |byte: u8| ((f64::from(byte) * settings.range / 255.0 - mean) / std) as f32;
        (order[place], (0..=u8::MAX).map(value).collect())
    })
}

/// Everything that decides the features, readable. The execution provider is not part of it.
fn fingerprint(settings: &Settings, signature: &Signature, hash: blake3::Hash) -> String {
    let Settings { crop, range, mean, std, channels, .. } = settings;
    let (layout, side, output) = (signature.layout.word(), signature.side, &signature.output);
    let (hash, channels) = (hash.to_hex(), channels.word());
    let [mean, std] = [mean, std].map(|values| values.map(|value| value.to_string()).join(","));
    let hash = &hash[..32];
    format!(
        "onnx/{PREPROCESSING}/{hash}/{layout}/{channels}/{side}/crop={crop}/range={range}/mean={mean}/std={std}/{output}"
    )
}
