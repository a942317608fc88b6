//! A device does what it is asked, and every fault that can be injected comes back as what it is.

use wgpu::BufferUsages;

use super::*;
use crate::device::fault::Injection;
use crate::device::testing::{LONG, open};

const DOUBLE: &str = "
@group(0) @binding(0) var<uniform> factor: vec4<u32>;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x < arrayLength(&input)) { output[id.x] = input[id.x] * factor.x; }
}";

/// Runs `job` on an open device.
fn run<T: Send + 'static>(
    injections: &[Injection],
    job: impl FnOnce(&mut Gpu) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let worker = open(Faults::new(injections))?;
    let answer = worker.start(job).wait(LONG);
    let closed = worker.close(LONG);
    let answer = answer?;
    closed.map(|()| answer)
}

/// Multiplies 1000 numbers on the device and passes every point on the way.
fn multiply(gpu: &mut Gpu, factor: u32) -> Result<Vec<u32>, Fault> {
    let numbers: Vec<u32> = (0..1000).collect();
    let bytes = bytemuck::cast_slice(&numbers);
    let uniform = gpu.buffer("factor", 16, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
    let from = gpu.buffer("numbers", 4000, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
    let to = gpu.buffer("products", 4000, BufferUsages::STORAGE | BufferUsages::COPY_SRC)?;
    let staging = gpu.buffer("staging", 4000, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
    gpu.upload(&uniform, 0, bytemuck::cast_slice(&[factor, 0, 0, 0]))?;
    gpu.upload(&from, 0, bytes)?;
    let kernel = gpu.kernel("double", DOUBLE, &[Binding::Uniform, Binding::Read, Binding::ReadWrite])?;
    let group = gpu.bind(&kernel, &[uniform.as_entire_binding(), from.as_entire_binding(), to.as_entire_binding()]);
    let submission = gpu.submit(|encoder| {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&kernel);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(1000_u32.div_ceil(64), 1, 1);
        drop(pass);
        encoder.copy_buffer_to_buffer(&to, 0, &staging, 0, 4000);
    })?;
    gpu.read(&staging, 0..4000, submission, LONG, bytemuck::pod_collect_to_vec)
}

fn products(factor: u32) -> Vec<u32> {
    (0..1000).map(|number| number * factor).collect()
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_kernel_computes_and_the_traffic_is_counted() {
    let (numbers, traffic) = run(&[], |gpu| Ok((multiply(gpu, 7)?, gpu.take_traffic()))).unwrap();
    assert_eq!(numbers, products(7));
    assert_eq!(traffic, Traffic { bytes_up: 4016, bytes_down: 4000, submissions: 1 });
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn an_upload_of_many_steps_arrives_whole_and_a_part_can_be_read() {
    let words = UPLOAD_BYTES / 4 * 3 + 5;
    let tail = run(&[], move |gpu| {
        let numbers: Vec<u32> = (0..words as u32).collect();
        let size = 8 + 4 * words as u64;
        let target = gpu.buffer("target", size, BufferUsages::COPY_SRC | BufferUsages::COPY_DST)?;
        let staging = gpu.buffer("staging", size, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
        gpu.upload(&target, 8, bytemuck::cast_slice(&numbers))?;
        let submission = gpu.submit(|encoder| encoder.copy_buffer_to_buffer(&target, 0, &staging, 0, size))?;
        let at = UPLOAD_BYTES as u64;
        gpu.read(&staging, at..at + 16, submission, LONG, bytemuck::pod_collect_to_vec::<u8, u32>)
    });
    let first = (UPLOAD_BYTES / 4 - 2) as u32;
    assert_eq!(tail, Ok((first..first + 4).collect()));
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn what_is_refused_does_no_harm() {
    let (large, broken, numbers) = run(&[], |gpu| {
        let most = gpu.limits().max_buffer_size;
        let large = gpu.buffer("everything", most.next_multiple_of(4) + 4, BufferUsages::STORAGE).unwrap_err();
        let broken = gpu.kernel("broken", "fn main() { nonsense }", &[]).unwrap_err();
        Ok((large, broken, multiply(gpu, 2)?))
    })
    .unwrap();
    assert!(matches!(&large, Fault::Validation { what, .. } if what == "everything"), "{large}");
    assert!(matches!(&broken, Fault::Validation { what, .. } if what == "broken"), "{broken}");
    assert!(!broken.to_string().contains('\n'));
    assert_eq!(numbers, products(2));
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_wrong_binding_is_told_by_the_next_operation() {
    let fault = run(&[], |gpu| {
        let kernel = gpu.kernel("double", DOUBLE, &[Binding::Uniform, Binding::Read, Binding::ReadWrite])?;
        drop(gpu.bind(&kernel, &[]));
        gpu.buffer("rows", 4, BufferUsages::STORAGE)
    });
    assert!(matches!(fault, Err(Fault::Validation { .. })), "{fault:?}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_missed_a_deadline_is_given_up() {
    let long = "
@group(0) @binding(0) var<storage, read_write> output: array<u32>;
@compute @workgroup_size(1)
fn main() {
    var x = 1u;
    for (var i = 0u; i < 20000000u; i++) { x ^= x << 13u; x ^= x >> 17u; x ^= x << 5u; }
    output[0] = x;
}";
    let (waited, later) = run(&[], move |gpu| {
        let output = gpu.buffer("number", 4, BufferUsages::STORAGE)?;
        let kernel = gpu.kernel("long", long, &[Binding::ReadWrite])?;
        let group = gpu.bind(&kernel, &[output.as_entire_binding()]);
        // A busy machine may wake this thread only when the kernel has ended; not every time.
        for _ in 0..100 {
            let submission = gpu.submit(|encoder| {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.set_pipeline(&kernel);
                pass.set_bind_group(0, &group, &[]);
                pass.dispatch_workgroups(1, 1, 1);
            })?;
            if let Err(fault) = gpu.wait(submission, Duration::ZERO) {
                return Ok((fault, gpu.submit(|_| ()).unwrap_err()));
            }
        }
        panic!("never late")
    })
    .unwrap();
    assert!(matches!(waited, Fault::TimedOut { .. }), "{waited}");
    assert_eq!(later, waited);
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn every_injection_is_the_fault_that_it_says() {
    let points = [Point::Open, Point::Allocate, Point::Upload, Point::Compile, Point::Submit, Point::Poll, Point::Read];
    for at in points {
        for what in [Kind::Panic, Kind::Lose, Kind::OutOfMemory, Kind::Invalid] {
            let fault = run(&[Injection { at, after: 0, what }], |gpu| multiply(gpu, 3)).unwrap_err();
            let right = match what {
                Kind::Panic => matches!(fault, Fault::Panicked { .. }),
                Kind::Lose => matches!(fault, Fault::Lost { .. }),
                Kind::OutOfMemory => matches!(fault, Fault::OutOfMemory { .. }),
                _ => matches!(fault, Fault::Validation { .. }),
            };
            assert!(right, "{what:?} at {at:?} became: {fault}");
        }
    }
    let wrong = Faults::new(&[Injection { at: Point::Answer, after: 0, what: Kind::WrongAnswer }]);
    assert!(wrong.wrong_answer() && !wrong.wrong_answer());
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_panic_inside_of_error_scopes_is_contained() {
    let fault = run(&[], |gpu| gpu.submit(|_| panic!("while recording")));
    assert!(matches!(&fault, Err(Fault::Panicked { message }) if message == "while recording"), "{fault:?}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn a_device_that_hangs_is_left_behind() {
    let hang = Injection { at: Point::Submit, after: 0, what: Kind::Hang(LONG) };
    let worker = open(Faults::new(&[hang])).unwrap();
    let answer = worker.start(|gpu| multiply(gpu, 3)).wait(Duration::from_secs(1));
    assert!(matches!(answer, Err(Fault::TimedOut { .. })), "{answer:?}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn after_a_loss_nothing_is_trusted() {
    // The second read: its bytes are right, but they come from a device that is gone.
    let lose = Injection { at: Point::Read, after: 1, what: Kind::Lose };
    let (first, faults) = run(&[lose], |gpu| {
        let first = multiply(gpu, 3)?;
        let staging = gpu.buffer("staging", 4, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
        let submission = gpu.submit(|encoder| encoder.clear_buffer(&staging, 0, None))?;
        let faults = vec![
            gpu.read(&staging, 0..4, submission.clone(), LONG, |_| ()).unwrap_err(),
            gpu.read(&staging, 0..4, submission.clone(), LONG, |_| ()).unwrap_err(),
            gpu.wait(submission, LONG).unwrap_err(),
            gpu.upload(&staging, 0, &[0; 4]).unwrap_err(),
            gpu.submit(|_| ()).unwrap_err(),
            gpu.buffer("rows", 4, BufferUsages::STORAGE).unwrap_err(),
            gpu.kernel("double", DOUBLE, &[Binding::Uniform, Binding::Read, Binding::ReadWrite]).unwrap_err(),
        ];
        Ok((first, faults))
    })
    .unwrap();
    assert_eq!(first, products(3));
    assert!(faults.iter().all(|fault| matches!(fault, Fault::Lost { .. })), "{faults:?}");
}

#[test]
#[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
fn contained_faults_print_nothing() {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "device::gpu::tests::every_injection_is_the_fault_that_it_says", "--nocapture"])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(out.contains("1 passed"), "{out}{err}");
    assert!(!err.contains("panicked"), "{err}");
}
