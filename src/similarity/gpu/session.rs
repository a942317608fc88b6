//! What lives on the device's thread: compiled kernels, buffers, strips under way. This file refuses to know a list: it moves
//! words, and says how many there were.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytemuck::{bytes_of, cast_slice, pod_collect_to_vec};
use wgpu::BufferUsages;

use super::kernels::{Arithmetic, Kernel, PACK_SURVIVORS, PackParams, SEED_CUTS, SeedParams};
use super::kernels::{TILE, TILE_F32, TILE_I8, TileParams, groups, narrow};
use super::panels::Chunk;
use super::shape::Shape;
use crate::device::fault::Fault;
use crate::device::gpu::{Gpu, Traffic, UPLOAD_BYTES};

/// Garbage for output buffers: a plausible count, row and product, which is why it must never be read.
const POISON: u32 = 0x3f00_0001;

/// A read that takes no longer did not have to wait.
const AT_ONCE: Duration = Duration::from_millis(2);

/// The open device and what it holds.
#[derive(Debug)]
pub(super) struct Session {
    gpu: Gpu,
    tile_f32: wgpu::ComputePipeline,
    /// Or why there is none: a driver may not take it, most likely where it has no packed dot product of its own.
    tile_i8: Result<wgpu::ComputePipeline, Fault>,
    seed: wgpu::ComputePipeline,
    pack: wgpu::ComputePipeline,
    buffers: Option<Buffers>,
}

/// One dispatch of the tile kernel as words.
#[derive(Debug)]
pub(super) struct Dispatch {
    /// Numbers of the anchors' and the candidates' chunk.
    pub chunks: (usize, usize),
    /// Number of the first row of each.
    pub first_row: [usize; 2],
    /// Rows of each, with those that fill the last tile. The candidates' are not counted again when both chunks are one.
    pub rows: [usize; 2],
    /// Tile of the anchors, tile of the candidates (within their chunks), rules of both directions.
    pub work: Vec<[u32; 4]>,
    /// `[rule][local row]`: the lowest value that may matter.
    pub cuts: Vec<f32>,
}

impl Dispatch {
    /// Whether it stays within one chunk.
    fn is_own(&self) -> bool {
        self.chunks.0 == self.chunks.1
    }

    /// Rows of both chunks, or of the one.
    pub(super) fn local_rows(&self) -> usize {
        self.rows[0] + if self.is_own() { 0 } else { self.rows[1] }
    }
}

/// What a strip found.
#[derive(Debug)]
pub(super) struct Harvest {
    /// Per local row: where its survivors start in `packed`, and how many there were.
    pub places: Vec<[u32; 2]>,
    /// Candidate row and bits of the value.
    pub packed: Vec<[u32; 2]>,
    /// How long it took since it was launched, or since the one before it was read.
    pub busy: Duration,
    /// Whether the host had to wait for it: otherwise `busy` is the host's time, not the device's.
    pub awaited: bool,
}

/// Buffers of one job. Only what the host maps exists once per strip under way: the queue runs one strip after the other.
#[derive(Debug)]
struct Buffers {
    shape: Shape,
    scopes: wgpu::Buffer,
    facts: wgpu::Buffer,
    cuts: wgpu::Buffer,
    work: wgpu::Buffer,
    survivors: wgpu::Buffer,
    counts: wgpu::Buffer,
    used: wgpu::Buffer,
    places: wgpu::Buffer,
    /// One for each strip under way, since what was not copied at once may be asked for later.
    packed: Vec<wgpu::Buffer>,
    keys: wgpu::Buffer,
    seeds: wgpu::Buffer,
    params: wgpu::Buffer,
    small_params: wgpu::Buffer,
    staging: Vec<wgpu::Buffer>,
    chunks: BTreeMap<usize, Resident>,
    clock: u64,
    room: usize,
    under_way: Vec<Option<UnderWay>>,
    idle_since: Instant,
}

#[derive(Debug)]
struct Resident {
    panels: wgpu::Buffer,
    facts: wgpu::Buffer,
    quantized: Option<wgpu::Buffer>,
    used_at: u64,
}

#[derive(Debug)]
struct UnderWay {
    submission: wgpu::SubmissionIndex,
    launched: Instant,
    items: usize,
    rows: usize,
    room: usize,
}

impl Session {
    /// Compiles the kernels.
    pub(super) fn new(mut gpu: Gpu) -> Result<Session, Fault> {
        let mut compile = |kernel: &Kernel| gpu.kernel(kernel.name, kernel.wgsl, kernel.bindings);
        let (tile_f32, seed, pack) = (compile(&TILE_F32)?, compile(&SEED_CUTS)?, compile(&PACK_SURVIVORS)?);
        let tile_i8 = match compile(&TILE_I8) {
            Err(fault) if !matches!(fault, Fault::Validation { .. } | Fault::OutOfMemory { .. }) => return Err(fault),
            outcome => outcome,
        };
        Ok(Session { gpu, tile_f32, tile_i8, seed, pack, buffers: None })
    }

    /// Why there is no int8 kernel, if there is none.
    pub(super) fn without_int8(&self) -> Option<Fault> {
        self.tile_i8.as_ref().err().cloned()
    }

    /// Gives the buffers of a job back; returns what went over the bus since the last time.
    pub(super) fn finish(&mut self, timeout: Duration) -> Traffic {
        if let Some(buffers) = self.buffers.take() {
            // What a strip under way uses is freed only after it. A fault shows again in whatever comes next.
            let _ = buffers.settle(&mut self.gpu, timeout);
        }
        self.gpu.take_traffic()
    }

    /// Allocates what a job of this shape needs, chunks aside.
    pub(super) fn prepare(&mut self, shape: Shape) -> Result<(), Fault> {
        self.buffers = None;
        let gpu = &mut self.gpu;
        let mut buffer = |what, words: usize, usage| gpu.buffer(what, words as u64 * 4, usage);
        let (input, output) = (BufferUsages::STORAGE | BufferUsages::COPY_DST, storage_out());
        let staging = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let rows = 2 * shape.chunk * TILE;
        let lists = shape.chunk * TILE * shape.rule_count;
        let scopes = buffer("scopes", 2 * shape.scopes.len(), input)?;
        let made = Buffers {
            facts: buffer("facts", rows * shape.stride, input)?,
            // Scales and residuals follow the cuts.
            cuts: buffer("cuts", rows * (shape.rule_count + 2), input)?,
            work: buffer("work", 4 * shape.items, input)?,
            survivors: buffer("survivors", 2 * rows * shape.slots, output)?,
            // The items that were done follow.
            counts: buffer("counts", rows + 1, output)?,
            used: buffer("used", 1, output)?,
            places: buffer("places", 2 * rows, output)?,
            packed: (0..shape.depth).map(|_| buffer("packed", 2 * shape.room, output)).collect::<Result<_, Fault>>()?,
            keys: buffer("keys", (lists * shape.buckets).max(1), output)?,
            seeds: buffer("seeds", lists.max(1), output)?,
            params: buffer("parameters", size_of::<TileParams>() / 4, uniform())?,
            small_params: buffer("parameters", size_of::<SeedParams>() / 4, uniform())?,
            staging: (0..shape.depth)
                .map(|_| buffer("staging", (2 * (rows + shape.room) + 1).max(lists), staging))
                .collect::<Result<_, Fault>>()?,
            chunks: BTreeMap::new(),
            clock: 0,
            room: shape.room,
            under_way: std::iter::repeat_with(|| None).take(shape.depth).collect(),
            idle_since: Instant::now(),
            scopes,
            shape,
        };
        self.gpu.upload(&made.scopes, 0, cast_slice(&made.shape.scopes))?;
        self.buffers = Some(made);
        Ok(())
    }

    /// Uploads a chunk; the least recently used ones make room, but never `beside`. Returns the chunks that are held.
    pub(super) fn load(
        &mut self,
        number: usize,
        beside: usize,
        chunk: &Chunk,
        timeout: Duration,
    ) -> Result<Vec<usize>, Fault> {
        let buffers = self.buffers.as_mut().expect("a job was prepared");
        while buffers.chunks.len() >= buffers.shape.residents {
            buffers.evict(beside);
        }
        let loaded = match upload_chunk(&mut self.gpu, chunk) {
            // The memory is full: from now on hold no more than it took.
            Err(Fault::OutOfMemory { .. }) if buffers.chunks.len() > 1 => {
                buffers.shape.residents = buffers.chunks.len().max(2);
                buffers.evict(beside);
                // What a strip under way uses is freed only after it.
                buffers.settle(&mut self.gpu, timeout)?;
                upload_chunk(&mut self.gpu, chunk)
            }
            outcome => outcome,
        };
        buffers.clock += 1;
        buffers.chunks.insert(number, Resident { used_at: buffers.clock, ..loaded? });
        Ok(buffers.chunks.keys().copied().collect())
    }

    /// Sends a strip to the device, to be collected as `set`.
    pub(super) fn launch(&mut self, set: usize, strip: &Dispatch) -> Result<(), Fault> {
        let room = self.buffers().room;
        let rows = strip.local_rows();
        self.send_rows(strip)?;
        self.send_work(strip, &strip.work, 0)?;
        let shape = &self.buffers().shape;
        let params = PackParams { rows: narrow(rows), slots: narrow(shape.slots), room: narrow(shape.room) };
        let buffers = self.buffers.as_ref().expect("a job was prepared");
        if shape.poison {
            // The others may still be asked for the rest of what they hold.
            poison(&mut self.gpu, &buffers.packed[set])?;
        }
        self.gpu.upload(&buffers.small_params, 0, bytes_of(&params))?;
        let (tile, kernel) = (self.bind_tile(strip, &buffers.counts), self.tile(buffers).clone());
        let bound = [
            &buffers.small_params,
            &buffers.survivors,
            &buffers.counts,
            &buffers.used,
            &buffers.places,
            &buffers.packed[set],
        ];
        let pack = self.gpu.bind(&self.pack, &bound.map(wgpu::Buffer::as_entire_binding));
        let launched = Instant::now();
        let submission = self.gpu.submit(|encoder| {
            buffers.copy_rows(encoder, strip);
            encoder.clear_buffer(&buffers.counts, 0, None);
            encoder.clear_buffer(&buffers.used, 0, None);
            dispatch(encoder, &kernel, &tile, strip.work.len());
            dispatch(encoder, &self.pack, &pack, rows.div_ceil(PACK_SURVIVORS.workgroup as usize));
            let (head, tail) = (rows as u64 * 8, room as u64 * 8);
            encoder.copy_buffer_to_buffer(&buffers.places, 0, &buffers.staging[set], 0, head);
            encoder.copy_buffer_to_buffer(&buffers.packed[set], 0, &buffers.staging[set], head, tail);
            encoder.copy_buffer_to_buffer(&buffers.counts, rows as u64 * 4, &buffers.staging[set], head + tail, 4);
        })?;
        self.buffers_mut().under_way[set] =
            Some(UnderWay { submission, launched, items: strip.work.len(), rows, room });
        Ok(())
    }

    /// Waits for a strip and reads what it found.
    pub(super) fn collect(&mut self, set: usize, timeout: Duration) -> Result<Harvest, Fault> {
        let buffers = self.buffers.as_mut().expect("a job was prepared");
        let strip = buffers.under_way[set].take().expect("the strip was launched");
        let (rows, room) = (strip.rows, strip.room);
        let all = 0..(rows + room) as u64 * 8 + 4;
        let asked = Instant::now();
        let (places, mut packed, used, done) =
            self.gpu.read(&buffers.staging[set], all, strip.submission, timeout, |bytes| {
                let places: Vec<[u32; 2]> = pod_collect_to_vec(&bytes[..rows * 8]);
                let used =
                    places.iter().map(|&[start, count]| start as usize + (count as usize).min(buffers.shape.slots));
                let used = used.max().unwrap_or(0);
                let packed = pod_collect_to_vec::<u8, [u32; 2]>(&bytes[rows * 8..(rows + used.min(room)) * 8]);
                let done: Vec<u32> = pod_collect_to_vec(&bytes[(rows + room) * 8..]);
                (places, packed, used, done[0] as usize)
            })?;
        if done != strip.items {
            let message = format!("it did {done} of {} pairs of tiles", strip.items);
            return Err(Fault::WrongAnswer { message });
        }
        // What is fetched now waits for the strips behind this one, which is no time of this strip.
        let now = Instant::now();
        let kept = used.min(buffers.shape.room);
        if kept > room {
            // More than was guessed: the rest follows.
            let (from, bytes) = (room as u64 * 8, (kept - room) as u64 * 8);
            let submission = self.gpu.submit(|encoder| {
                encoder.copy_buffer_to_buffer(&buffers.packed[set], from, &buffers.staging[set], 0, bytes);
            })?;
            let rest: Vec<[u32; 2]> =
                self.gpu.read(&buffers.staging[set], 0..bytes, submission, timeout, pod_collect_to_vec)?;
            packed.extend(rest);
        }
        // Where a test wants a wrong answer, nothing was found.
        let places = if self.gpu.faults().wrong_answer() { vec![[0; 2]; rows] } else { places };
        let busy = now - strip.launched.max(buffers.idle_since);
        buffers.idle_since = now;
        // What was needed last is a good guess at what is needed next.
        let wanted = (2 * used).max(rows).max(buffers.room / 2);
        buffers.room = wanted.min(buffers.shape.room);
        Ok(Harvest { places, packed, busy, awaited: now - asked > AT_ONCE })
    }

    /// Lets a part of a strip's work raise the keys of its lists, all of one chunk. The first part starts from none.
    pub(super) fn seed(&mut self, strip: &Dispatch, part: Range<usize>, timeout: Duration) -> Result<(), Fault> {
        let first = part.start == 0;
        if first {
            self.send_rows(strip)?;
        }
        let work = &strip.work[part];
        self.send_work(strip, work, self.buffers().shape.buckets)?;
        let buffers = self.buffers.as_ref().expect("a job was prepared");
        let (tile, kernel) = (self.bind_tile(strip, &buffers.keys), self.tile(buffers).clone());
        let submission = self.gpu.submit(|encoder| {
            if first {
                buffers.copy_rows(encoder, strip);
                encoder.clear_buffer(&buffers.keys, 0, None);
            }
            dispatch(encoder, &kernel, &tile, work.len());
        })?;
        self.gpu.wait(submission, timeout)
    }

    /// For every list of that chunk, the key of a value that K of its entries reach, or 0: `[row][rule]`.
    pub(super) fn seeds(&mut self, rows: usize, timeout: Duration) -> Result<Vec<u32>, Fault> {
        let buffers = self.buffers.as_ref().expect("a job was prepared");
        let lists = rows * buffers.shape.rule_count;
        let params = SeedParams {
            lists: narrow(lists),
            rules: narrow(buffers.shape.rule_count),
            buckets: narrow(buffers.shape.buckets),
            gap: 0,
            k: buffers.shape.k,
        };
        self.gpu.upload(&buffers.small_params, 0, bytes_of(&params))?;
        let bound = [&buffers.small_params, &buffers.keys, &buffers.seeds];
        let seed = self.gpu.bind(&self.seed, &bound.map(wgpu::Buffer::as_entire_binding));
        let bytes = lists as u64 * 4;
        let submission = self.gpu.submit(|encoder| {
            dispatch(encoder, &self.seed, &seed, lists.div_ceil(SEED_CUTS.workgroup as usize));
            encoder.copy_buffer_to_buffer(&buffers.seeds, 0, &buffers.staging[0], 0, bytes);
        })?;
        self.gpu.read(&buffers.staging[0], 0..bytes, submission, timeout, pod_collect_to_vec)
    }

    /// Uploads what belongs to the rows of a strip.
    fn send_rows(&mut self, strip: &Dispatch) -> Result<(), Fault> {
        let buffers = self.buffers.as_mut().expect("a job was prepared");
        buffers.clock += 1;
        for chunk in [strip.chunks.0, strip.chunks.1] {
            buffers.chunks.get_mut(&chunk).expect("the chunk was loaded").used_at = buffers.clock;
        }
        if buffers.shape.poison {
            let outputs = [&buffers.survivors, &buffers.counts, &buffers.used, &buffers.places];
            for buffer in outputs.into_iter().chain([&buffers.keys, &buffers.seeds]) {
                poison(&mut self.gpu, buffer)?;
            }
        }
        self.gpu.upload(&buffers.cuts, 0, cast_slice(&strip.cuts))
    }

    /// Uploads the work of one dispatch of the tile kernel.
    fn send_work(&mut self, strip: &Dispatch, work: &[[u32; 4]], buckets: usize) -> Result<(), Fault> {
        let buffers = self.buffers.as_ref().expect("a job was prepared");
        let shape = &buffers.shape;
        let params = TileParams {
            steps: narrow(shape.steps),
            items: narrow(work.len()),
            first_row: strip.first_row.map(narrow),
            first_fact: if strip.is_own() { 0 } else { narrow(strip.rows[0]) },
            rows: narrow(strip.local_rows()),
            stride: narrow(shape.stride),
            slots: narrow(shape.slots),
            rules: narrow(shape.rule_count),
            buckets: narrow(buckets),
            gap: [0; 2],
            rule: shape.rules,
        };
        self.gpu.upload(&buffers.params, 0, bytes_of(&params))?;
        self.gpu.upload(&buffers.work, 0, cast_slice(work))
    }

    fn bind_tile(&self, strip: &Dispatch, counts: &wgpu::Buffer) -> wgpu::BindGroup {
        let buffers = self.buffers();
        let panels = |chunk: usize| &buffers.chunks[&chunk].panels;
        let (anchors, candidates) = (panels(strip.chunks.0), panels(strip.chunks.1));
        let inputs =
            [&buffers.params, anchors, candidates, &buffers.facts, &buffers.cuts, &buffers.scopes, &buffers.work];
        let all: Vec<_> =
            inputs.into_iter().chain([&buffers.survivors, counts]).map(wgpu::Buffer::as_entire_binding).collect();
        self.gpu.bind(self.tile(buffers), &all)
    }

    fn tile(&self, buffers: &Buffers) -> &wgpu::ComputePipeline {
        match buffers.shape.arithmetic {
            Arithmetic::F32 => &self.tile_f32,
            Arithmetic::Int8 => self.tile_i8.as_ref().expect("a device without it is not asked for int8"),
        }
    }

    fn buffers(&self) -> &Buffers {
        self.buffers.as_ref().expect("a job was prepared")
    }

    fn buffers_mut(&mut self) -> &mut Buffers {
        self.buffers.as_mut().expect("a job was prepared")
    }
}

impl Buffers {
    /// Waits until nothing is under way.
    fn settle(&self, gpu: &mut Gpu, timeout: Duration) -> Result<(), Fault> {
        let mut strips = self.under_way.iter().flatten();
        strips.try_for_each(|strip| gpu.wait(strip.submission.clone(), timeout))
    }

    /// Lets go of the chunk that was not used for longest, other than `but`.
    fn evict(&mut self, but: usize) {
        let others = self.chunks.iter().filter(|&(&number, _)| number != but);
        if let Some(oldest) = others.min_by_key(|(_, resident)| resident.used_at).map(|(&number, _)| number) {
            self.chunks.remove(&oldest);
        }
    }

    /// Puts what belongs to the rows of both chunks where the kernel looks for that of the local rows.
    fn copy_rows(&self, encoder: &mut wgpu::CommandEncoder, strip: &Dispatch) {
        let sides = [(strip.chunks.0, 0, strip.rows[0]), (strip.chunks.1, strip.rows[0], strip.rows[1])];
        let all = strip.local_rows();
        for (chunk, first, rows) in sides.into_iter().take(if strip.is_own() { 1 } else { 2 }) {
            let resident = &self.chunks[&chunk];
            let mut copy = |from: &wgpu::Buffer, start: usize, to: &wgpu::Buffer, at: usize, words: usize| {
                encoder.copy_buffer_to_buffer(from, start as u64 * 4, to, at as u64 * 4, words as u64 * 4);
            };
            let stride = self.shape.stride;
            copy(&resident.facts, 0, &self.facts, first * stride, rows * stride);
            if let Some(quantized) = &resident.quantized {
                let scales = self.shape.rule_count * all;
                copy(quantized, 0, &self.cuts, scales + first, rows);
                copy(quantized, rows, &self.cuts, scales + all + first, rows);
            }
        }
    }
}

/// Fills a buffer with garbage.
fn poison(gpu: &mut Gpu, buffer: &wgpu::Buffer) -> Result<(), Fault> {
    let words = usize::try_from(buffer.size() / 4).expect("a buffer of a test is small");
    gpu.upload(buffer, 0, cast_slice(&vec![POISON; words]))
}

fn upload_chunk(gpu: &mut Gpu, chunk: &Chunk) -> Result<Resident, Fault> {
    let quantized: &[u32] = cast_slice(&chunk.quantized);
    let mut buffer =
        |what, words: &[u32], usage| gpu.buffer(what, size_of_val(words) as u64, usage | BufferUsages::COPY_DST);
    let resident = Resident {
        panels: buffer("panels", &chunk.panels, BufferUsages::STORAGE)?,
        facts: buffer("facts of a chunk", &chunk.facts, BufferUsages::COPY_SRC)?,
        quantized: match quantized {
            [] => None,
            words => Some(buffer("scales of a chunk", words, BufferUsages::COPY_SRC)?),
        },
        used_at: 0,
    };
    // An upload that finds no memory for what it stages loses the device; an allocation only fails. So try that first.
    drop(gpu.buffer(
        "room for an upload",
        2 * UPLOAD_BYTES as u64,
        BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC,
    )?);
    gpu.upload(&resident.panels, 0, cast_slice(&chunk.panels))?;
    gpu.upload(&resident.facts, 0, cast_slice(&chunk.facts))?;
    if let Some(buffer) = &resident.quantized {
        gpu.upload(buffer, 0, cast_slice(quantized))?;
    }
    Ok(resident)
}

fn dispatch(
    encoder: &mut wgpu::CommandEncoder,
    kernel: &wgpu::ComputePipeline,
    bound: &wgpu::BindGroup,
    wanted: usize,
) {
    let (x, y) = groups(wanted);
    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
    pass.set_pipeline(kernel);
    pass.set_bind_group(0, bound, &[]);
    pass.dispatch_workgroups(x, y, 1);
}

fn storage_out() -> BufferUsages {
    BufferUsages::STORAGE | BufferUsages::COPY_DST | BufferUsages::COPY_SRC
}

fn uniform() -> BufferUsages {
    BufferUsages::UNIFORM | BufferUsages::COPY_DST
}
