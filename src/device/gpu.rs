//! An open device: buffers, kernels, submissions and reads, each of which ends with a look at what went wrong. This room
//! knows no kernel by name.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::adapters::Adapter;
use super::fault::{Fault, Faults, Kind, Point};
use super::worker::{catch, one_line};

/// Bytes of one step of an upload: wgpu stages a copy of each.
pub const UPLOAD_BYTES: usize = 32 << 20;

/// How long one step of an upload may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(1);

/// An open device with nothing optional. It lives on the thread of a [`super::Worker`], since wgpu may panic or hang in any
/// call.
///
/// A refused buffer or kernel does no harm, and a smaller one may be tried. Every other fault stays: from then on each
/// operation returns it.
#[derive(Debug)]
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    trouble: Arc<Trouble>,
    faults: Faults,
    traffic: Traffic,
}

/// What went over the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes sent to the device.
    pub bytes_up: u64,
    /// Bytes read from the device.
    pub bytes_down: u64,
    /// Submissions of commands; those of an upload are not counted.
    pub submissions: u64,
}

/// What a kernel sees at one binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// A uniform buffer.
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer.
    ReadWrite,
}

/// The first fault that wgpu reported outside of a scope.
#[derive(Debug, Default)]
struct Trouble(Mutex<Option<Fault>>);

impl Gpu {
    /// Opens the device with the default limits, but with buffers and storage bindings as large as it can.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] if the driver refuses, or what went wrong meanwhile.
    pub fn open(adapter: &Adapter, faults: Faults) -> Result<Gpu, Fault> {
        let most = &adapter.facts.limits;
        let request = adapter.adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("twinset"),
            required_limits: wgpu::Limits {
                max_buffer_size: most.max_buffer_size,
                max_storage_buffer_binding_size: most.max_storage_buffer_binding_size,
                ..wgpu::Limits::default()
            },
            ..wgpu::DeviceDescriptor::default()
        });
        let (device, queue) = pollster::block_on(request).map_err(|error| Fault::Unavailable {
            message: format!("`{}` cannot be opened: {}", adapter.facts.name, one_line(&error.to_string())),
        })?;
        let trouble = Arc::new(Trouble::default());
        let on_error = Arc::clone(&trouble);
        device.on_uncaptured_error(Arc::new(move |error| on_error.record(fault("an operation", &error))));
        let on_loss = Arc::clone(&trouble);
        device.set_device_lost_callback(move |reason, message| {
            on_loss.record(Fault::Lost { message: one_line(&format!("{reason:?} {message}")) });
        });
        let mut gpu = Gpu { device, queue, trouble, faults, traffic: Traffic::default() };
        gpu.pass(Point::Open, "the device")?;
        gpu.check()?;
        Ok(gpu)
    }

    /// The limits that hold on this device.
    #[must_use]
    pub fn limits(&self) -> wgpu::Limits {
        self.device.limits()
    }

    /// The faults that this device was opened with, for the self-test.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What went over the bus since the last call.
    pub fn take_traffic(&mut self) -> Traffic {
        std::mem::take(&mut self.traffic)
    }

    /// Allocates `bytes`, a multiple of 4, zeroed. `what` names the buffer in messages.
    ///
    /// # Errors
    /// [`Fault::OutOfMemory`] or, beyond the limits, [`Fault::Validation`]; or what went wrong before.
    pub fn buffer(&mut self, what: &'static str, bytes: u64, usage: wgpu::BufferUsages) -> Result<wgpu::Buffer, Fault> {
        self.pass(Point::Allocate, what)?;
        let wanted = wgpu::BufferDescriptor { label: Some(what), size: bytes, usage, mapped_at_creation: false };
        self.scoped(what, || self.device.create_buffer(&wanted))
    }

    /// Writes `bytes` at `offset`, both multiples of 4, into a buffer with usage `COPY_DST`. At most two steps of 32 MiB are
    /// staged at a time.
    ///
    /// # Errors
    /// What went wrong now or before.
    pub fn upload(&mut self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut at = offset;
        let mut before = None;
        for chunk in bytes.chunks(UPLOAD_BYTES) {
            self.pass(Point::Upload, "an upload")?;
            let submission = self.scoped("an upload", || {
                self.queue.write_buffer(buffer, at, chunk);
                self.queue.submit([])
            })?;
            at += chunk.len() as u64;
            self.traffic.bytes_up += chunk.len() as u64;
            if let Some(before) = before.replace(submission) {
                self.finish(before, UPLOAD_TIMEOUT)?;
            }
        }
        Ok(())
    }

    /// Compiles the entry point `main` of `wgsl` for one group of bindings, numbered from 0.
    ///
    /// # Errors
    /// [`Fault::Validation`] for a defect in the kernel, or what went wrong before.
    pub fn kernel(&mut self, name: &str, wgsl: &str, bindings: &[Binding]) -> Result<wgpu::ComputePipeline, Fault> {
        self.pass(Point::Compile, name)?;
        let entries: Vec<_> = (0..).zip(bindings).map(|(binding, &kind)| layout_entry(binding, kind)).collect();
        self.scoped(name, || {
            let group = self
                .device
                .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(name), entries: &entries });
            let layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(name),
                bind_group_layouts: &[Some(&group)],
                immediate_size: 0,
            });
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(name),
                source: wgpu::ShaderSource::Wgsl(wgsl.into()),
            });
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(name),
                layout: Some(&layout),
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        })
    }

    /// The resources at bindings 0, 1, … of `kernel`. What is wrong with them is told by the next operation.
    #[must_use]
    pub fn bind(&self, kernel: &wgpu::ComputePipeline, resources: &[wgpu::BindingResource<'_>]) -> wgpu::BindGroup {
        let entries: Vec<_> = (0..)
            .zip(resources)
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource: resource.clone() })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    /// Sends the commands that `encode` records.
    ///
    /// # Errors
    /// What went wrong now or before.
    pub fn submit(&mut self, encode: impl FnOnce(&mut wgpu::CommandEncoder)) -> Result<wgpu::SubmissionIndex, Fault> {
        self.pass(Point::Submit, "a submission")?;
        let submission = self.scoped("a submission", || {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encode(&mut encoder);
            self.queue.submit([encoder.finish()])
        })?;
        self.traffic.submissions += 1;
        Ok(submission)
    }

    /// Waits until the device has finished `submission`.
    ///
    /// # Errors
    /// [`Fault::TimedOut`], after which the device is given up, or what went wrong now or before.
    pub fn wait(&mut self, submission: wgpu::SubmissionIndex, timeout: Duration) -> Result<(), Fault> {
        self.pass(Point::Poll, "a submission")?;
        self.finish(submission, timeout)
    }

    /// Waits for `submission`, the last one that uses `staging`, and shows `take` the bytes in `range`. `staging` has the usage
    /// `MAP_READ`, `range` is not empty, starts at a multiple of 8 and is a multiple of 4 long.
    ///
    /// # Errors
    /// As for [`Gpu::wait`]; then nothing that `take` made is returned.
    pub fn read<T>(
        &mut self,
        staging: &wgpu::Buffer,
        range: Range<u64>,
        submission: wgpu::SubmissionIndex,
        timeout: Duration,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Fault> {
        self.pass(Point::Read, "a read")?;
        let bytes = range.end.saturating_sub(range.start);
        let slice = staging.slice(range);
        let mapped = Arc::new(OnceLock::new());
        let on_map = Arc::clone(&mapped);
        self.scoped("a read", || {
            slice.map_async(wgpu::MapMode::Read, move |outcome| {
                let _ = on_map.set(outcome);
            });
        })?;
        let waited = self.wait(submission, timeout);
        let taken = waited.and_then(|()| {
            let refused = |message: String| Fault::Validation { what: "a read".to_owned(), message };
            match mapped.get() {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(refused(error.to_string())),
                None => return Err(refused("a later submission uses the buffer".to_owned())),
            }
            let view = slice.get_mapped_range().map_err(|error| refused(one_line(&error.to_string())))?;
            Ok(take(&view))
        });
        self.scoped("a read", || staging.unmap())?;
        let taken = taken?;
        self.traffic.bytes_down += bytes;
        Ok(taken)
    }

    /// Waits for `submission` without being a point of injection.
    fn finish(&self, submission: wgpu::SubmissionIndex, timeout: Duration) -> Result<(), Fault> {
        let until = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(timeout) };
        match self.poll(until)? {
            Ok(_) => {}
            Err(wgpu::PollError::Timeout) => {
                self.trouble.record(Fault::TimedOut { what: "the device".to_owned(), after: timeout });
            }
            // A submission that a lost device refused has no number; otherwise it is not ours.
            Err(error) => {
                self.check()?;
                self.trouble.record(Fault::Validation { what: "a wait".to_owned(), message: error.to_string() });
            }
        }
        self.check()
    }

    /// Runs an operation inside of error scopes, then looks at everything else that can have gone wrong.
    fn scoped<T>(&self, what: &str, operation: impl FnOnce() -> T) -> Result<T, Fault> {
        let filters = [wgpu::ErrorFilter::Internal, wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let made = operation();
        let mut first = None;
        // Scopes end in the reverse order of their start.
        for scope in scopes.into_iter().rev() {
            first = first.or(pollster::block_on(scope.pop()));
        }
        self.check()?;
        match first {
            Some(error) => Err(fault(what, &error)),
            None => Ok(made),
        }
    }

    /// The fault that wgpu reported since the last look, if any. A loss by `destroy` shows only in a poll.
    fn check(&self) -> Result<(), Fault> {
        let _ = self.poll(wgpu::PollType::Poll)?;
        self.trouble.get()
    }

    /// wgpu panics in a poll when the driver says that the device is lost, after it has told the callback.
    fn poll(&self, until: wgpu::PollType) -> Result<Result<wgpu::PollStatus, wgpu::PollError>, Fault> {
        catch(|| Ok(self.device.poll(until))).or_else(|panicked| {
            self.trouble.record(panicked.clone());
            self.trouble.get()?;
            Err(panicked)
        })
    }

    /// Returns the fault that stays, if any, and makes the one that a test injected.
    fn pass(&mut self, point: Point, what: &str) -> Result<(), Fault> {
        self.trouble.get()?;
        match self.faults.pass(point) {
            None | Some(Kind::WrongAnswer) => {}
            Some(Kind::Panic) => panic!("injected at {point:?}"),
            Some(Kind::Lose) => {
                self.device.destroy();
                // Unlike a real loss, this one is told only when nothing is in flight any more.
                let _ = self.poll(wgpu::PollType::wait_indefinitely())?;
            }
            Some(Kind::OutOfMemory) => return Err(Fault::OutOfMemory { what: what.to_owned() }),
            Some(Kind::Invalid) => drop(self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("injected"),
                size: u64::MAX,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })),
            Some(Kind::Hang(time)) => thread::sleep(time),
        }
        Ok(())
    }
}

impl Trouble {
    /// Keeps the first fault: the others follow from it.
    fn record(&self, fault: Fault) {
        self.lock().get_or_insert(fault);
    }

    fn get(&self) -> Result<(), Fault> {
        self.lock().clone().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fault(what: &str, error: &wgpu::Error) -> Fault {
    let what = what.to_owned();
    match error {
        wgpu::Error::OutOfMemory { .. } => Fault::OutOfMemory { what },
        wgpu::Error::Validation { .. } | wgpu::Error::Internal { .. } => {
            let message = one_line(&error.to_string());
            Fault::Validation { what, message: message.trim_start_matches("Validation Error Caused by: ").to_owned() }
        }
    }
}

fn layout_entry(binding: u32, kind: Binding) -> wgpu::BindGroupLayoutEntry {
    let ty = match kind {
        Binding::Uniform => wgpu::BufferBindingType::Uniform,
        Binding::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Binding::ReadWrite => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

#[cfg(test)]
mod tests;
