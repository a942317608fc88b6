//! Which engine a night uses: a device that passes its self-test, or the CPU. This room refuses to lose a night to a device
//! that is broken, and to use one that was not asked for: a software device must be named.

use anyhow::anyhow;

use super::cpu::Cpu;
use super::gpu::{Gpu, Options};
use super::{Found, Lists, Matrix, Similarity};
use crate::device::adapters::{candidates, enumerate};
use crate::device::{Adapter, Choice, Fault};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The engine of a night.
#[derive(Debug, Default)]
pub struct Engine {
    gpu: Option<Gpu>,
    refused: Vec<String>,
}

/// Opens the device that `choice` means, or takes the CPU engine:
///
/// - `cpu`: nobody is asked what devices there are;
/// - `auto`: the first hardware that opens and passes its self-test, else the CPU;
/// - `gpu`: the same, or an error;
/// - a name: that device, or the CPU where it does not open or pass.
///
/// # Errors
/// [`Error::Config`] when `choice` fits no device, with a list of those that are there; [`Error::Failed`] when it is `gpu` and
/// every one is refused.
pub fn choose(choice: &Choice, options: &Options) -> Result<Engine> {
    if *choice == Choice::Cpu {
        tracing::info!("similarities are computed on the CPU");
        return Ok(Engine::default());
    }
    among(&enumerate(options.timeout), choice, options)
}

fn among(found: &Result<Vec<Adapter>, Fault>, choice: &Choice, options: &Options) -> Result<Engine> {
    let mut engine = Engine::default();
    match found {
        Ok(adapters) => engine.open_first(&allowed(choice, adapters)?, options),
        Err(fault) => engine.refuse(format!("the devices of this machine: {fault}")),
    }
    match &engine.gpu {
        Some(gpu) => tracing::info!("{} proposes similarities, the CPU decides", gpu.name()),
        None if *choice == Choice::Gpu => {
            return Err(Error::Failed(anyhow!("no GPU can be used: {}", engine.refused.join("; "))));
        }
        None if engine.refused.is_empty() => tracing::info!("no GPU was found: similarities are computed on the CPU"),
        None => tracing::info!("similarities are computed on the CPU"),
    }
    Ok(engine)
}

/// The devices that `choice` allows.
///
/// # Errors
/// [`Error::Config`] when it fits none, with a list of those that are there.
pub fn allowed<'a>(choice: &Choice, adapters: &'a [Adapter]) -> Result<Vec<&'a Adapter>> {
    candidates(choice, adapters).map_err(|fault| Error::Config(anyhow!("device `{choice}` cannot be used: {fault}")))
}

impl Engine {
    fn open_first(&mut self, candidates: &[&Adapter], options: &Options) {
        for adapter in candidates {
            match Gpu::open(adapter, options.clone()) {
                Ok(gpu) => {
                    self.gpu = Some(gpu);
                    return;
                }
                Err(fault) => self.refuse(format!("{}: {fault}", adapter.facts)),
            }
        }
    }

    fn refuse(&mut self, why: String) {
        tracing::warn!("not used: {why}");
        self.refused.push(why);
    }
}

impl Similarity for Engine {
    fn top_k(&self, matrix: &Matrix, lists: &Lists, progress: &Progress) -> Result<Found> {
        let mut found = match &self.gpu {
            Some(gpu) => gpu.top_k(matrix, lists, progress),
            None => Cpu::default().top_k(matrix, lists, progress),
        }?;
        found.report.refused.splice(0..0, self.refused.iter().cloned());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::shop::shop;
    use crate::device::Faults;
    use crate::device::fault::{Injection, Kind, Point};
    use crate::device::testing::adapter;
    use crate::similarity::Report;

    fn failing(at: Point, what: Kind) -> Options {
        Options { faults: Faults::new(&[Injection { at, after: 0, what }]), ..Options::default() }
    }

    fn report(engine: &Engine) -> Report {
        let (matrix, lists) = shop(300, 8);
        engine.top_k(&matrix, &lists, &Progress::hidden()).unwrap().report
    }

    #[test]
    #[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
    fn a_device_that_is_refused_is_reported_and_the_next_one_is_used() {
        let adapter = adapter();
        for options in [failing(Point::Answer, Kind::WrongAnswer), failing(Point::Compile, Kind::Panic)] {
            let mut engine = Engine::default();
            engine.open_first(&[&adapter, &adapter], &options);
            let report = report(&engine);
            assert_eq!(report.device, engine.gpu.as_ref().unwrap().name());
            assert!(report.refused.len() == 1 && report.refused[0].contains(&adapter.facts.name), "{report:?}");
        }
    }

    #[test]
    #[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
    fn a_named_device_that_fails_its_self_test_leaves_the_night_to_the_cpu() {
        let choice = Choice::Named(adapter().facts.name);
        let report = report(&choose(&choice, &failing(Point::Answer, Kind::WrongAnswer)).unwrap());
        assert_eq!((report.device.as_str(), report.fault), ("cpu", None));
        assert!(report.refused.len() == 1 && report.refused[0].contains("computes wrongly"), "{:?}", report.refused);
    }

    #[test]
    fn drivers_that_give_no_answer_fail_only_a_night_that_demands_a_gpu() {
        let silent = || Err(Fault::TimedOut { what: "adapters".to_owned(), after: Duration::from_mins(1) });
        for choice in [Choice::Auto, Choice::Named("llvmpipe".to_owned())] {
            let report = report(&among(&silent(), &choice, &Options::default()).unwrap());
            assert!(report.device == "cpu" && report.refused[0].contains("no answer"), "{report:?}");
        }
        let error = among(&silent(), &Choice::Gpu, &Options::default()).unwrap_err();
        assert!(error.exit_code() == 1 && error.to_string().contains("no answer"), "{error}");
    }

    #[test]
    fn what_fits_no_device_is_an_error_of_the_configuration() {
        for choice in ["gpu", "nosuch", "7"] {
            let error = among(&Ok(Vec::new()), &choice.parse().unwrap(), &Options::default()).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(choice), "{error}");
        }
        let auto = among(&Ok(Vec::new()), &Choice::Auto, &Options::default()).unwrap();
        assert!(auto.gpu.is_none() && auto.refused.is_empty());
    }
}
