//! One thread per device, which owns its state and contains its panics and hangs. This room knows no wgpu.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::fault::Fault;

/// Threads of this room are named `device: …`; a panic on one prints nothing.
const THREAD_PREFIX: &str = "device: ";

/// Shader compilers recurse deeply: the stack of a main thread, not the 2 MiB of a spawned one.
const STACK_BYTES: usize = 8 << 20;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread that creates, uses and drops a state of type `S`, which need not be `Send`.
///
/// A panic or a missed deadline ends the worker: every later job gets the same fault at once. Dropping a worker never waits;
/// [`Worker::close`] does.
#[derive(Debug)]
pub struct Worker<S> {
    what: String,
    jobs: Sender<Job<S>>,
    ended: Arc<OnceLock<Fault>>,
    /// Locked only to be taken: a receiver alone could not be shared between threads.
    dropped: Mutex<Receiver<Result<(), Fault>>>,
}

/// The answer of a job, to be waited for.
#[derive(Debug)]
#[must_use = "a job's fault shows only in its answer"]
pub struct Pending<T> {
    what: String,
    answer: Receiver<Result<T, Fault>>,
    ended: Arc<OnceLock<Fault>>,
}

impl<S: 'static> Worker<S> {
    /// Starts the thread `name`, makes the state on it with `init` and waits at most `timeout` for that.
    ///
    /// # Errors
    /// What `init` returns, its panic, or that it gave no answer in time. Then the thread is left behind.
    pub fn spawn(
        name: &str,
        timeout: Duration,
        init: impl FnOnce() -> Result<S, Fault> + Send + 'static,
    ) -> Result<Worker<S>, Fault> {
        silence_panics();
        let ended = Arc::new(OnceLock::new());
        let (jobs, queue) = mpsc::channel();
        let (ready, answer) = mpsc::channel();
        let (gone, dropped) = mpsc::channel();
        thread::Builder::new()
            .name(format!("{THREAD_PREFIX}{name}"))
            .stack_size(STACK_BYTES)
            .spawn(move || serve(init, &ready, &queue, &gone))
            .map_err(|error| Fault::Unavailable { message: format!("no thread for the device `{name}`: {error}") })?;
        let started = Pending { what: name.to_owned(), answer, ended: Arc::clone(&ended) };
        started.wait(timeout)?;
        Ok(Worker { what: name.to_owned(), jobs, ended, dropped: Mutex::new(dropped) })
    }

    /// Queues a job; jobs run one by one in the order of their start.
    pub fn start<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<T> {
        let (sender, answer) = mpsc::channel();
        let ended = Arc::clone(&self.ended);
        let run = move |state: &mut S| {
            let outcome = match ended.get() {
                Some(fault) => Err(fault.clone()),
                None => catch(|| job(state)).inspect_err(|fault| {
                    if matches!(fault, Fault::Panicked { .. }) {
                        let _ = ended.set(fault.clone());
                    }
                }),
            };
            // Nobody may be waiting any more.
            let _ = sender.send(outcome);
        };
        // A thread that is gone drops the job and with it the sender: the wait will see that.
        let _ = self.jobs.send(Box::new(run));
        Pending { what: self.what.clone(), answer, ended: Arc::clone(&self.ended) }
    }

    /// Lets the queued jobs finish, drops the state and waits at most `timeout` for that, also where a fault ended the worker: its
    /// thread may still be letting go of the device. Use it before a process ends well: a driver that is torn down by an exit
    /// while a thread is inside of it may take the process with it.
    ///
    /// # Errors
    /// The fault that ended this worker, a panic while the state was dropped, or that it took too long.
    pub fn close(self, timeout: Duration) -> Result<(), Fault> {
        let Worker { what, jobs, ended, dropped } = self;
        drop(jobs);
        let answer = dropped.into_inner().unwrap_or_else(PoisonError::into_inner);
        let closed = match answer.recv_timeout(timeout) {
            Ok(closed) => closed,
            Err(RecvTimeoutError::Timeout) => Err(Fault::TimedOut { what, after: timeout }),
            Err(RecvTimeoutError::Disconnected) => {
                Err(Fault::Panicked { message: format!("the thread of `{what}` ended") })
            }
        };
        ended.get().map_or(closed, |fault| Err(fault.clone()))
    }
}

impl<T> Pending<T> {
    /// Waits at most `timeout` for the answer.
    ///
    /// # Errors
    /// What the job returned, its panic, or [`Fault::TimedOut`], which ends the worker and leaves its thread behind.
    pub fn wait(self, timeout: Duration) -> Result<T, Fault> {
        if let Ok(answer) = self.answer.try_recv() {
            return answer;
        }
        if let Some(fault) = self.ended.get() {
            return Err(fault.clone());
        }
        match self.answer.recv_timeout(timeout) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                let late = Fault::TimedOut { what: self.what, after: timeout };
                Err(self.ended.get_or_init(|| late).clone())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let gone = Fault::Panicked { message: format!("the thread of `{}` ended", self.what) };
                Err(self.ended.get_or_init(|| gone).clone())
            }
        }
    }
}

/// The life of the thread.
fn serve<S>(
    init: impl FnOnce() -> Result<S, Fault>,
    ready: &Sender<Result<(), Fault>>,
    queue: &Receiver<Job<S>>,
    gone: &Sender<Result<(), Fault>>,
) {
    let mut state = match catch(init) {
        Ok(state) => state,
        Err(fault) => {
            let _ = ready.send(Err(fault));
            return;
        }
    };
    let _ = ready.send(Ok(()));
    for job in queue {
        job(&mut state);
    }
    let _ = gone.send(catch(move || {
        drop(state);
        Ok(())
    }));
}

/// Runs `operation` and turns its panic into a fault.
pub(super) fn catch<T>(operation: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(operation))
        .unwrap_or_else(|payload| Err(Fault::Panicked { message: message(payload.as_ref()) }))
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    one_line(text.unwrap_or("a panic without a message"))
}

/// A driver's message on one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Wraps the panic hook, once, so that a contained panic is reported as a fault and not printed too.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !thread::current().name().is_some_and(|name| name.starts_with(THREAD_PREFIX)) {
                before(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);
    const SHORT: Duration = Duration::from_millis(20);

    fn worker() -> Worker<Vec<u32>> {
        Worker::spawn("test", LONG, || Ok(Vec::new())).unwrap()
    }

    fn panicked(message: &str) -> Fault {
        Fault::Panicked { message: message.to_owned() }
    }

    #[test]
    fn jobs_run_in_order_on_one_state() {
        let worker = worker();
        let pending: Vec<Pending<Vec<u32>>> = (0..100)
            .map(|number| {
                worker.start(move |state| {
                    state.push(number);
                    Ok(state.clone())
                })
            })
            .collect();
        for (number, pending) in (0..100).zip(pending) {
            assert_eq!(pending.wait(LONG).unwrap(), (0..=number).collect::<Vec<u32>>());
        }
        worker.close(LONG).unwrap();
    }

    #[test]
    fn a_fault_that_a_job_returns_does_not_end_the_worker() {
        let worker = worker();
        let fault = Fault::OutOfMemory { what: "rows".to_owned() };
        let returned = fault.clone();
        assert_eq!(worker.start(|_| Err::<(), _>(returned)).wait(LONG), Err(fault));
        assert_eq!(worker.start(|state| Ok(state.len())).wait(LONG), Ok(0));
    }

    #[test]
    fn a_panic_in_a_job_is_the_fault_of_all_later_jobs() {
        let worker = worker();
        let before = worker.start(|_| Ok(1));
        let panics = worker.start(|_| -> Result<(), Fault> { panic!("the driver\n  gave {}", "up") });
        let queued = worker.start(|_| Ok(2));
        assert_eq!(panics.wait(LONG), Err(panicked("the driver gave up")));
        assert_eq!(worker.start(|_| Ok(3)).wait(LONG), Err(panicked("the driver gave up")));
        assert_eq!(queued.wait(LONG), Err(panicked("the driver gave up")));
        assert_eq!(before.wait(LONG), Ok(1), "an answer from before the panic stays");
    }

    #[test]
    fn a_job_that_hangs_is_left_behind() {
        let worker = worker();
        let (release, held) = mpsc::channel::<()>();
        let hangs = worker.start(move |_| Ok(held.recv().is_ok()));
        let queued = worker.start(|_| Ok(true));
        let late = Fault::TimedOut { what: "test".to_owned(), after: SHORT };
        assert_eq!(hangs.wait(SHORT), Err(late.clone()));
        assert_eq!(queued.wait(LONG), Err(late.clone()), "at once, not after an hour");
        assert_eq!(worker.start(|_| Ok(true)).wait(LONG), Err(late));
        // Would never return if it waited for the job, which is still held.
        drop(worker);
        release.send(()).unwrap();
    }

    #[test]
    fn an_init_that_fails_panics_or_hangs_gives_no_worker() {
        let unavailable = Fault::Unavailable { message: "no driver".to_owned() };
        let returned = unavailable.clone();
        assert_eq!(Worker::<()>::spawn("test", LONG, || Err(returned)).unwrap_err(), unavailable);
        let fault = Worker::<()>::spawn("test", LONG, || panic!("no driver")).unwrap_err();
        assert_eq!(fault, panicked("no driver"));
        let (_release, held) = mpsc::channel::<()>();
        let hangs = Worker::spawn("test", SHORT, move || Ok(held.recv().is_ok()));
        assert_eq!(hangs.unwrap_err(), Fault::TimedOut { what: "test".to_owned(), after: SHORT });
    }

    #[test]
    fn a_state_that_panics_when_it_is_dropped_is_a_fault_of_the_close() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the driver is gone");
            }
        }
        let worker = Worker::spawn("test", LONG, || Ok(Bomb)).unwrap();
        assert_eq!(worker.close(LONG), Err(panicked("the driver is gone")));
    }

    #[test]
    fn a_contained_panic_prints_nothing() {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "device::worker::tests::a_panic_in_a_job_is_the_fault_of_all_later_jobs", "--nocapture"])
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
        assert!(out.contains("1 passed"), "{out}{err}");
        assert!(!err.contains("gave up"), "{err}");
    }
}
