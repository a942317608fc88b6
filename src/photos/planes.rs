//! A photo as a JPEG has it: luma and chroma apart, chroma often smaller. This room refuses to know where samples come from.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use image::metadata::Orientation;

/// Samples that filters work on together: a line holds a multiple of them.
pub(super) const LINE: usize = 32;

thread_local! {
    /// Memory of earlier planes: asking the system for it costs half as much as all the rest.
    static SPARE: RefCell<Vec<Vec<i16>>> = const { RefCell::new(Vec::new()) };
}

/// Planes whose memory is kept for the next ones, and the most samples of one.
const SPARE_PLANES: usize = 3;
const SPARE_SAMPLES: usize = 4 << 20;

/// The part of a photo that is looked at, as it lies in its file, as luma alone or luma, blue and red chroma as JFIF defines them.
#[derive(Clone)]
pub struct Planes {
    /// Pixels of the whole photo.
    pub(super) width: u32,
    pub(super) height: u32,
    /// One or three.
    pub(super) all: Vec<Plane>,
    /// How what is looked at is to be turned and mirrored.
    pub(super) orientation: Orientation,
}

/// One of them.
#[derive(Clone)]
pub(super) struct Plane {
    /// Column by column from the left, each from the top: 256 times what a sample differs from the middle by, -128 to below 128.
    samples: Vec<i16>,
    /// Samples of a column, those included that only fill it up.
    pub stride: usize,
    /// Columns and rows that there are samples of; maybe more than the plane has.
    pub columns: Range<usize>,
    pub rows: Range<usize>,
    /// Samples of the whole plane, across and down.
    pub width: usize,
    pub height: usize,
    /// Pixels of the photo for one sample, across and down.
    pub across: usize,
    pub down: usize,
}

impl fmt::Debug for Planes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planes({} x {}, {} of them)", self.width, self.height, self.all.len())
    }
}

impl Plane {
    /// Gray, with room for the columns and rows that are looked at, of which both are whole blocks.
    pub fn new(
        (width, height): (usize, usize),
        (columns, rows): (Range<usize>, Range<usize>),
        (across, down): (usize, usize),
    ) -> Plane {
        let stride = rows.len().next_multiple_of(LINE);
        let mut samples = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        samples.clear();
        samples.resize(stride * columns.len(), 0);
        Plane { samples, stride, columns, rows, width, height, across, down }
    }

    /// The lines of [`LINE`] samples, column by column.
    pub fn lines(&self) -> &[[i16; LINE]] {
        self.samples.as_chunks().0
    }

    /// Where the block begins that is the so-many-th of those with samples, across and down, and how far its columns are apart.
    pub fn block(&mut self, (across, down): (usize, usize)) -> (&mut [i16], usize) {
        (&mut self.samples[8 * (across * self.stride + down)..], self.stride)
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        let samples = std::mem::take(&mut self.samples);
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < SPARE_PLANES && samples.capacity() <= SPARE_SAMPLES {
                spare.push(samples);
            }
        });
    }
}

/// `a * factor / 65536`, rounded down: what arithmetic in 16 bits is made of.
#[inline]
pub(super) fn times(a: i16, factor: i16) -> i16 {
    ((i32::from(a) * i32::from(factor)) >> 16) as i16
}
