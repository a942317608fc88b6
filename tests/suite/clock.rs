//! What a part of a test cost, to be printed and never asserted. Refuses to say which part of the process spent it: run the
//! test by itself to read the figures.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps the large tests from running at the same time, so that their figures and their memory are their own.
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A stopwatch for wall and processor time.
pub struct Clock {
    wall: Instant,
    cpu: Option<f64>,
}

/// Seconds on the wall and of all processors; no processor time where the system does not tell.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    pub cpu: Option<f64>,
}

impl Clock {
    pub fn start() -> Clock {
        Clock { wall: Instant::now(), cpu: processor_seconds() }
    }

    pub fn cost(&self) -> Cost {
        let cpu = processor_seconds().zip(self.cpu).map(|(now, then)| now - then);
        Cost { wall: self.wall.elapsed().as_secs_f64(), cpu }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.wall)?;
        self.cpu.map_or(Ok(()), |cpu| write!(f, " ({cpu:.2} s CPU)"))
    }
}

/// User and system time of the process so far.
fn processor_seconds() -> Option<f64> {
    // Linux counts in hundredths; the name before the last parenthesis may hold anything.
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}
