//! The scans of a JPEG, baseline and progressive, into the few coefficients that a reduced picture needs. Of all others this
//! room keeps one bit, whether they are zero, because later scans are coded by it. It refuses damaged data.

use crate::photos::decode::huffman::{self, Bits, Codes};
use crate::photos::decode::syntax::{Part, Tables, ZIGZAG};

/// No place: the coefficient is not kept.
const LEFT_OUT: u8 = u8::MAX;

/// One color component: its blocks, and of each the kept coefficients.
pub struct Component {
    pub id: u8,
    /// Blocks of a unit of an interleaved scan, across and down.
    pub across: usize,
    pub down: usize,
    /// The number of its quantization table.
    pub table: usize,
    /// Blocks that carry a part of the picture.
    pub columns: usize,
    pub rows: usize,
    /// Blocks a row, those included that only fill up a unit.
    pub stride: usize,
    /// For every coefficient in the file's order: its place among those kept.
    place: [u8; 64],
    /// For every place: row * 8 + column.
    pub positions: Vec<u8>,
    /// The coefficients that are kept, as bits in the file's order.
    pub kept: u64,
    /// Which coefficients are not zero, by block.
    pub nonzero: Vec<u64>,
    /// `positions.len()` a block.
    pub coefficients: Vec<i16>,
}

impl Component {
    /// Makes room for `blocks` blocks and decides that the lowest `width` x `height` coefficients are kept.
    pub fn prepare(&mut self, width: u8, height: u8, blocks: usize, spare: &mut Spare) {
        self.place = [LEFT_OUT; 64];
        for (index, &position) in ZIGZAG.iter().enumerate() {
            if position % 8 < width && position / 8 < height {
                self.place[index] = u8::try_from(self.positions.len()).unwrap_or(LEFT_OUT);
                self.positions.push(position);
                self.kept |= 1 << index;
            }
        }
        self.nonzero = zeros(spare.masks.pop(), blocks);
        self.coefficients = zeros(spare.coefficients.pop(), blocks * self.positions.len());
    }

    /// A component of which nothing is kept yet.
    pub fn new(part: &Part) -> Component {
        Component {
            id: part.id,
            across: part.across,
            down: part.down,
            table: part.table,
            columns: 0,
            rows: 0,
            stride: 0,
            place: [LEFT_OUT; 64],
            positions: Vec::new(),
            kept: 0,
            nonzero: Vec::new(),
            coefficients: Vec::new(),
        }
    }

    /// Remembers a coefficient that was zero so far.
    #[inline]
    fn set(&mut self, block: usize, index: usize, value: i32) {
        self.nonzero[block] |= 1 << index;
        let place = self.place[index];
        if place != LEFT_OUT {
            self.coefficients[block * self.positions.len() + usize::from(place)] = saturated(value);
        }
    }
}

fn saturated(value: i32) -> i16 {
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}

/// Memory of an earlier picture, to be used again: asking the system for it costs as much as the rest of the work.
#[derive(Default)]
pub struct Spare {
    pub masks: Vec<Vec<u64>>,
    pub coefficients: Vec<Vec<i16>>,
    pub pixels: Vec<Vec<u8>>,
}

/// So many zeros, or what serves as zero.
pub fn zeros<T: Clone + Default>(spare: Option<Vec<T>>, length: usize) -> Vec<T> {
    let mut memory = spare.unwrap_or_default();
    memory.clear();
    memory.resize(length, T::default());
    memory
}

/// What a scan's header says.
pub struct Scan {
    /// Which components take part, and with which tables for DC and AC.
    pub parts: Vec<(usize, usize, usize)>,
    /// The first and the last coefficient, in the file's order.
    pub first: usize,
    pub last: usize,
    /// The lowest bit of the scan before of the same coefficients; 0 for the first one.
    pub high: u32,
    /// The lowest bit of this scan.
    pub low: u32,
    /// Whether the file is progressive.
    pub progressive: bool,
    /// Units between restarts; 0 for none.
    pub restart: usize,
}

/// What is remembered from block to block.
struct State<'a> {
    bits: Bits<'a>,
    predicted: [i32; 4],
    /// Blocks to come that have no coefficients of their own in this scan.
    empty: u32,
}

impl Scan {
    /// Decodes the scan's first rows of units, `units` across and `unit_rows` down for an interleaved scan, and of a single
    /// component the rows of blocks that these hold. `None` for damaged data.
    pub fn decode(
        &self,
        data: &[u8],
        tables: &Tables,
        components: &mut [Component],
        units: usize,
        unit_rows: usize,
    ) -> Option<()> {
        let (across, count) = match self.parts[..] {
            [(number, ..)] => {
                let component = &components[number];
                (component.columns, component.columns * component.rows.min(unit_rows * component.down))
            }
            _ => (units, units * unit_rows),
        };
        huffman::read_units(data, count, self.restart, |bits, read| {
            let mut state = State { bits, predicted: [0; 4], empty: 0 };
            for unit in read {
                self.unit((unit / across, unit % across), components, tables, &mut state)?;
            }
            Some(state.bits)
        })
    }

    /// The blocks of a unit in its row and column.
    #[inline]
    fn unit(
        &self,
        (unit_row, unit): (usize, usize),
        components: &mut [Component],
        tables: &Tables,
        state: &mut State,
    ) -> Option<()> {
        if let [part] = self.parts[..] {
            let component = &mut components[part.0];
            return self.block(component, unit_row * component.stride + unit, part, tables, state);
        }
        for &part in &self.parts {
            let component = &mut components[part.0];
            for row in unit_row * component.down..(unit_row + 1) * component.down {
                for column in unit * component.across..(unit + 1) * component.across {
                    self.block(component, row * component.stride + column, part, tables, state)?;
                }
            }
        }
        Some(())
    }

    #[inline]
    fn block(
        &self,
        component: &mut Component,
        block: usize,
        (number, dc, ac): (usize, usize, usize),
        tables: &Tables,
        state: &mut State,
    ) -> Option<()> {
        if self.first == 0 {
            if self.high > 0 {
                if state.bits.flag() {
                    component.coefficients[block * component.positions.len()] |= 1 << self.low;
                }
            } else {
                let bits = &mut state.bits;
                bits.refill();
                let size = tables.dc[dc].as_ref()?.next(bits).filter(|&size| size <= 15)?;
                let value = state.predicted[number].wrapping_add(bits.signed(u32::from(size)));
                state.predicted[number] = value;
                component.coefficients[block * component.positions.len()] = saturated(value.wrapping_shl(self.low));
            }
        }
        if self.last == 0 {
            return Some(());
        }
        let codes = tables.ac[ac].as_ref()?;
        if self.high > 0 {
            self.refine(component, block, codes, state)
        } else if state.empty > 0 {
            state.empty -= 1;
            Some(())
        } else {
            self.first_bits(component, block, codes, state)
        }
    }

    /// The coefficients of a block but for the first, with the bits from the lowest of this scan up.
    #[inline]
    fn first_bits(&self, component: &mut Component, block: usize, codes: &Codes, state: &mut State) -> Option<()> {
        let mut index = self.first.max(1);
        while index <= self.last {
            state.bits.refill();
            let symbol = codes.next(&mut state.bits)?;
            let (zeros, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if zeros < 15 {
                    state.empty = self.run_of_empty(zeros, &mut state.bits)? - 1;
                    return Some(());
                }
                index += 16;
                continue;
            }
            index += zeros;
            if index > self.last {
                return None;
            }
            let value = state.bits.signed(size);
            component.set(block, index, value << self.low);
            index += 1;
        }
        Some(())
    }

    /// How many blocks, this one included, have no more new coefficients.
    fn run_of_empty(&self, size: usize, bits: &mut Bits) -> Option<u32> {
        if size > 0 && !self.progressive {
            return None;
        }
        let size = u32::try_from(size).ok()?;
        Some((1 << size) + u32::try_from(bits.take(size)).ok()?)
    }

    /// One more bit of the coefficients that are known, and the coefficients that begin with this bit.
    fn refine(&self, component: &mut Component, block: usize, codes: &Codes, state: &mut State) -> Option<()> {
        let mut index = self.first;
        if state.empty == 0 {
            while index <= self.last {
                state.bits.refill();
                let symbol = codes.next(&mut state.bits)?;
                let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
                let value = match size {
                    0 if zeros < 15 => {
                        state.empty = self.run_of_empty(zeros, &mut state.bits)?;
                        break;
                    }
                    0 => None,
                    1 if state.bits.flag() => Some(1 << self.low),
                    1 => Some(-(1 << self.low)),
                    _ => return None,
                };
                let mut zero = !component.nonzero[block] & span(index, self.last);
                for _ in 0..zeros {
                    zero &= zero.wrapping_sub(1);
                }
                let found = if zero == 0 { self.last + 1 } else { zero.trailing_zeros() as usize };
                self.correct(component, block, index, found, &mut state.bits);
                index = found;
                if let Some(value) = value {
                    if index > self.last {
                        return None;
                    }
                    component.set(block, index, value);
                }
                index += 1;
            }
        }
        if state.empty > 0 {
            self.correct(component, block, index, self.last + 1, &mut state.bits);
            state.empty -= 1;
        }
        Some(())
    }

    /// Reads the next bit of every coefficient from `index` to before `end` that is not zero.
    #[inline]
    fn correct(&self, component: &mut Component, block: usize, index: usize, end: usize, bits: &mut Bits) {
        if index >= end {
            return;
        }
        let known = component.nonzero[block] & span(index, end - 1);
        let count = known.count_ones();
        if known & component.kept == 0 || count > 16 {
            self.correct_many(component, block, known, bits);
            return;
        }
        bits.refill();
        let ones = bits.take(count);
        let mut kept = known & component.kept;
        while kept != 0 {
            let at = kept.trailing_zeros();
            // The first one is the highest bit.
            if (ones >> (known >> at).count_ones().saturating_sub(1)) & 1 == 1 {
                self.grow(component, block, at as usize);
            }
            kept &= kept - 1;
        }
    }

    fn correct_many(&self, component: &mut Component, block: usize, mut known: u64, bits: &mut Bits) {
        while known & component.kept != 0 {
            let at = known.trailing_zeros();
            known &= known - 1;
            if bits.flag() && component.kept >> at & 1 == 1 {
                self.grow(component, block, at as usize);
            }
        }
        bits.leave_out(known.count_ones());
    }

    /// Adds this scan's bit to a coefficient that is kept and not zero.
    #[inline]
    fn grow(&self, component: &mut Component, block: usize, index: usize) {
        let place = usize::from(component.place[index]);
        let value = &mut component.coefficients[block * component.positions.len() + place];
        let step = 1_i16 << self.low;
        *value = if *value < 0 { value.saturating_sub(step) } else { value.saturating_add(step) };
    }
}

/// The bits from `first` to `last`, both below 64.
fn span(first: usize, last: usize) -> u64 {
    if first > last { 0 } else { (u64::MAX >> (63 - last)) & (u64::MAX << first) }
}
