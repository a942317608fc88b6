//! Bits and Huffman codes of a JPEG's scans. This room refuses to look past a marker: what is missing reads as zeros, and is known.

use std::ops::Range;

/// Lets `read` take `count` units out of coded data, as many at a time as there are between two restart markers: `restart`, or all where
/// that is 0. `None` where it says so, and for damaged data.
pub fn read_units(
    mut data: &[u8],
    count: usize,
    restart: usize,
    mut read: impl FnMut(Bits, Range<usize>) -> Option<Bits>,
) -> Option<()> {
    let (mut coded, mut done) = (Vec::new(), 0);
    while done < count {
        data = unstuff(data, &mut coded);
        let end = if restart > 0 { count.min(done + restart) } else { count };
        if read(Bits::new(&coded), done..end)?.is_overdrawn() {
            return None;
        }
        done = end;
        if done < count {
            let [0xFF, 0xD0..=0xD7, behind @ ..] = data else { return None };
            data = behind;
        }
    }
    Some(())
}

/// Copies coded data up to the next marker into `out`, without the zero that follows every `FF` that is data; gives what comes after.
fn unstuff<'a>(data: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    out.clear();
    let mut rest = data;
    loop {
        while let Some((chunk, behind)) = rest.split_first_chunk::<32>()
            && chunk.iter().fold(0, |count, &byte| count + u32::from(byte == 0xFF)) == 0
        {
            out.extend_from_slice(chunk);
            rest = behind;
        }
        let plain = rest.iter().position(|&byte| byte == 0xFF).unwrap_or(rest.len());
        out.extend_from_slice(&rest[..plain]);
        rest = &rest[plain..];
        let [0xFF, 0, behind @ ..] = rest else { break };
        out.push(0xFF);
        rest = behind;
    }
    out.extend_from_slice(&[0; PADDING]);
    rest
}

/// Zeros behind the data, more than are read at once.
const PADDING: usize = 16;

/// Reads bits.
#[derive(Clone, Copy)]
pub struct Bits<'a> {
    data: &'a [u8],
    /// The byte behind those that are counted in the buffer.
    at: usize,
    /// The next bits, from the highest one down. Those behind the counted ones are the right ones too.
    buffer: u64,
    /// Bits in the buffer.
    count: u32,
}

impl<'a> Bits<'a> {
    /// Of what [`unstuff`] gave.
    fn new(data: &'a [u8]) -> Bits<'a> {
        Bits { data, at: 0, buffer: 0, count: 0 }
    }

    /// Makes 32 bits or more available.
    #[inline]
    pub fn refill(&mut self) {
        if self.count < 32 {
            let next = self.data.get(self.at..).and_then(<[u8]>::first_chunk);
            self.buffer |= u64::from_be_bytes(next.copied().unwrap_or_default()) >> self.count;
            // As many bytes as fit, without a branch.
            self.at += ((63 - self.count) >> 3) as usize;
            self.count |= 0b11_1000;
        }
    }

    /// Takes `count` bits, at most 16, of those that [`Bits::refill`] made available.
    #[inline]
    pub fn take(&mut self, count: u32) -> i32 {
        debug_assert!(count <= 16 && count <= self.count);
        // Two shifts, because none is allowed to be by 64.
        let value = (self.buffer >> 1) >> (63 - count);
        self.skip(count);
        i32::try_from(value).unwrap_or(0)
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.buffer = self.buffer.wrapping_shl(count);
        self.count = self.count.wrapping_sub(count);
    }

    /// The next bit.
    #[inline]
    pub fn flag(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// Leaves out as many bits.
    pub fn leave_out(&mut self, mut count: u32) {
        while count > 0 {
            self.refill();
            let now = count.min(16);
            self.skip(now);
            count -= now;
        }
    }

    /// A number of `size` bits as JPEG writes it: those that begin with 0 are negative.
    #[inline]
    pub fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = self.take(size);
        if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
    }

    /// Whether bits were taken that no file has.
    fn is_overdrawn(&self) -> bool {
        8 * self.at > 8 * (self.data.len() - PADDING) + self.count as usize
    }
}

/// Bits of a code that one look into a table resolves.
const FAST: u32 = 10;

/// What [`Codes::number`] moves on by at the end of a block: more than a block has.
pub const END: usize = 128;

/// A Huffman table.
pub struct Codes {
    /// For every code that begins with these bits, or zeros.
    fast: Box<[Code; 1 << FAST]>,
    /// For every length: one more than its last code, aligned to 16 bits.
    ends: [u32; 17],
    /// For every length: what added to a code gives the place of its symbol.
    places: [i32; 17],
    symbols: Vec<u8>,
}

/// A code, in one number so that one look gives all of it: its bits with those of the number behind it, its symbol, its own bits,
/// how many places the number is from the one before.
#[derive(Clone, Copy, PartialEq)]
struct Code(u32);

impl Code {
    const NONE: Code = Code(0);

    fn new(length: u32, symbol: u8) -> Code {
        let forward = if symbol == 0 { 0x80 } else { (symbol >> 4) + 1 };
        let of_both = length + u32::from(symbol & 15);
        Code(of_both | (u32::from(symbol) << 8) | (length << 16) | (u32::from(forward) << 24))
    }

    #[inline]
    fn bits(self) -> u32 {
        self.0 & 0xFF
    }

    #[inline]
    fn symbol(self) -> u8 {
        self.0.to_le_bytes()[1]
    }

    /// Bits of the number behind the code.
    #[inline]
    fn size(self) -> u32 {
        self.0 >> 8 & 15
    }

    #[inline]
    fn length(self) -> u32 {
        self.0 >> 16 & 31
    }

    #[inline]
    fn forward(self) -> usize {
        (self.0 >> 24) as usize
    }
}

impl Codes {
    /// A table from how many codes have each length and their symbols in order; `None` where there are more codes than bits
    /// for them.
    pub fn new(lengths: &[u8; 16], symbols: &[u8]) -> Option<Codes> {
        let fast = Box::new([Code::NONE; 1 << FAST]);
        let mut codes = Codes { fast, ends: [0; 17], places: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, &count) in (1..=16_u32).zip(lengths) {
            let first = code;
            codes.places[length as usize] = i32::try_from(place).ok()? - i32::try_from(first).ok()?;
            for _ in 0..count {
                let symbol = *symbols.get(place)?;
                if code >= 1 << length {
                    return None;
                }
                if length <= FAST {
                    let start = (code << (FAST - length)) as usize;
                    codes.fast[start..start + (1 << (FAST - length))].fill(Code::new(length, symbol));
                }
                code += 1;
                place += 1;
            }
            codes.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(codes)
    }

    /// Whether it can be the table of a baseline scan's first coefficients.
    pub fn is_of_first(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol <= 15)
    }

    /// Whether it can be the table of a baseline scan's other coefficients.
    pub fn is_of_others(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol & 15 > 0 || matches!(symbol, 0 | 0xF0))
    }

    /// The next symbol of what [`Bits::refill`] made available; `None` for a code that the table lacks.
    #[inline]
    pub fn next(&self, bits: &mut Bits) -> Option<u8> {
        let code = self.look(bits)?;
        bits.skip(code.length());
        Some(code.symbol())
    }

    /// The number that comes next, and how many places it is from the one before: 1 for its neighbor, [`END`] or more for none.
    #[inline]
    pub fn number(&self, bits: &mut Bits) -> Option<(i32, usize)> {
        bits.refill();
        let code = self.look(bits)?;
        let rest = bits.buffer.wrapping_shl(code.length());
        // As in `Bits::signed`, without a branch.
        #[expect(clippy::cast_possible_truncation, reason = "at most 15 bits")]
        let value = (rest >> 1).wrapping_shr(63 - code.size()) as i32;
        let is_negative = i32::from(rest >> 63 == 0);
        let least = 1_i32.wrapping_sub(1_i32.wrapping_shl(code.size()));
        bits.skip(code.bits());
        Some((value.wrapping_add(least & is_negative.wrapping_neg()), code.forward()))
    }

    /// Leaves out a number; see [`Codes::number`].
    #[inline]
    pub fn leave_out(&self, bits: &mut Bits) -> Option<usize> {
        bits.refill();
        let code = self.look(bits)?;
        bits.skip(code.bits());
        Some(code.forward())
    }

    #[inline]
    fn look(&self, bits: &Bits) -> Option<Code> {
        let code = self.fast[(bits.buffer >> (64 - FAST)) as usize];
        if code == Code::NONE { self.look_long(bits.buffer) } else { Some(code) }
    }

    #[cold]
    #[inline(never)]
    fn look_long(&self, buffer: u64) -> Option<Code> {
        let look = u32::try_from(buffer >> 48).ok()?;
        let length = (FAST + 1..=16).find(|&length| look < self.ends[length as usize])?;
        let code = i32::try_from(look >> (16 - length)).ok()?;
        let symbol = *self.symbols.get(usize::try_from(code + self.places[length as usize]).ok()?)?;
        Some(Code::new(length, symbol))
    }
}
