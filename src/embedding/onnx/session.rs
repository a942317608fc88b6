//! The model in ONNX Runtime: opened with the first execution provider that can be had. This file refuses a provider that nobody
//! asked for, and to be silent about one that could not be had.

use std::path::Path;

use anyhow::{anyhow, bail, ensure};
use ort::ep::{self, ExecutionProvider};
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::{Outlet, TensorElementType, ValueType};

use super::library::Library;
use super::settings::Word;
use super::signature::{Number, Port};
use super::{Provider, Settings};

/// Opens the model with the first of the providers that can be had; returns that one too.
pub(super) fn open(settings: &Settings, library: &Library, threads: usize) -> anyhow::Result<(Session, Provider)> {
    let mut refused = Vec::new();
    for &provider in &settings.providers {
        match open_with(provider, &settings.model, library, threads) {
            Ok(session) => {
                for refused in refused {
                    tracing::warn!("{refused}: `{}` is used instead", provider.word());
                }
                return Ok((session, provider));
            }
            Err(cause) => refused.push(format!("`{}` under `providers` cannot be used: {cause:#}", provider.word())),
        }
    }
    bail!("{}", refused.join("; "))
}

fn open_with(provider: Provider, model: &Path, library: &Library, threads: usize) -> anyhow::Result<Session> {
    let is_there = match provider {
        Provider::Cpu => ep::CPU::is_available(),
        Provider::Cuda => ep::CUDA::is_available(),
        Provider::CoreMl => ep::CoreML::is_available(),
        Provider::DirectMl => ep::DirectML::is_available(),
    };
    ensure!(is_there.is_ok_and(|there| there), "{} was built without it", library.describe());
    let session = || -> ort::Result<Session> {
        let builder = Session::builder(&library.environment)?;
        // Threads that wait actively would take the cores from those that decode the next pictures.
        let builder = builder.with_intra_threads(threads)?.with_intra_op_spinning(false)?;
        with_provider(builder.with_deterministic_compute(true)?, provider)?.commit_from_file(model)
    };
    // What the library says may be of several lines.
    session().map_err(|cause| anyhow!(cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ")))
}

fn with_provider(builder: SessionBuilder, provider: Provider) -> ort::Result<SessionBuilder> {
    let asked = match provider {
        Provider::Cpu => return Ok(builder),
        Provider::Cuda => ep::CUDA::default().build(),
        Provider::CoreMl => ep::CoreML::default().build(),
        Provider::DirectMl => {
            let builder = builder.with_memory_pattern(false)?;
            return Ok(builder.with_execution_providers([ep::DirectML::default().build().error_on_failure()])?);
        }
    };
    Ok(builder.with_execution_providers([asked.error_on_failure()])?)
}

/// What the model declares, in this crate's words.
pub(super) fn ports(outlets: &[Outlet]) -> Vec<Port> {
    outlets.iter().map(port).collect()
}

fn port(outlet: &Outlet) -> Port {
    let (number, shape) = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let number = match ty {
                TensorElementType::Float32 => Ok(Number::F32),
                TensorElementType::Float16 => Ok(Number::F16),
                other => Err(other.to_string()),
            };
            (number, shape.iter().map(|&axis| usize::try_from(axis).ok().filter(|&axis| axis > 0)).collect())
        }
        _ => (Err("no tensor".to_owned()), Vec::new()),
    };
    Port { name: outlet.name().to_owned(), number, shape }
}
