//! What the blocks of all instruction sets have in common, written once in the operations that a kernel's room names: so every
//! kernel proposes the same pairs with the same bits. It refuses to multiply integers. A macro, because the instruction set of a
//! function must be a literal.

/// `scan`, over what a room brings:
///
/// - `ROWS` anchors, `COLUMNS` in `HALVES` registers of `LANES` numbers, the registers `Floats`, `Integers` and `Mask`;
/// - `multiply`, the sums of the next chunks of the `Operands`;
/// - `floats` and `integers`, which load a register, and `numbers`, which stores it;
/// - `splat`, `to_floats`, `add`, `mul` and `min`, each rounded once;
/// - for masks `at_least`, `and`, `or`, `none` and `bits`.
macro_rules! blocks {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        fn scan(pass: &Pass<'_>, found: &mut Vec<Proposal>) -> Scanned {
            let mut scanned = Scanned::default();
            for c in (0..pass.columns.rows()).step_by(COLUMNS) {
                for a in (0..pass.anchors.rows()).step_by(ROWS) {
                    let block = Block { x: &pass.anchors, a, y: &pass.columns, c };
                    scanned.blocks += 1;
                    let mut passed = None;
                    if !pass.chunks[0].is_empty() {
                        let may_reach = block.reached::<true>(&block.products(pass, 0));
                        if !any(&may_reach) {
                            scanned.cut_short += 1;
                            continue;
                        }
                        passed = Some(may_reach);
                    }
                    let products = block.products(pass, 1);
                    let mut reached = block.reached::<false>(&products);
                    if any(&reached) {
                        if let Some(passed) = passed {
                            for (reached, passed) in reached.as_flattened_mut().iter_mut().zip(passed.as_flattened()) {
                                *reached = and(*reached, *passed);
                            }
                        }
                        block.collect(&products, &reached, found);
                    }
                }
            }
            scanned
        }

        #[target_feature(enable = $features)]
        fn products(pass: &Pass<'_>, all: &mut [f32]) {
            let width = pass.columns.rows();
            for c in (0..width).step_by(COLUMNS) {
                for a in (0..pass.anchors.rows()).step_by(ROWS) {
                    let block = Block { x: &pass.anchors, a, y: &pass.columns, c };
                    for (row, products) in block.products(pass, 1).into_iter().enumerate() {
                        let all = &mut all[(a + row) * width + c..][..COLUMNS];
                        for (all, products) in all.chunks_exact_mut(LANES).zip(products) {
                            all.copy_from_slice(&numbers(products));
                        }
                    }
                }
            }
        }

        /// A number for each pair of a block.
        type Pairs<T> = [[T; HALVES]; ROWS];

        /// What is left to multiply of a block's integers.
        struct Operands<'a> {
            anchors: &'a [u8],
            columns: &'a [u8],
            corrections: &'a [i32],
        }

        impl<'a> Operands<'a> {
            /// Takes the next chunk off: what its sums start at, and the integers of each of its steps.
            #[inline]
            #[target_feature(enable = $features)]
            fn take(&mut self, steps: usize) -> ([Integers; HALVES], impl Iterator<Item = Step<'a>>) {
                let (start, corrections) = self.corrections.split_at(COLUMNS);
                let (x, anchors) = self.anchors.split_at(steps * ROWS * STEP);
                let (y, columns) = self.columns.split_at(steps * COLUMNS * STEP);
                *self = Operands { anchors, columns, corrections };
                let start = bytemuck::cast_slice::<i32, [u8; LANES * STEP]>(start);
                let x = bytemuck::cast_slice::<u8, [u8; STEP]>(x).as_chunks::<ROWS>().0;
                let y = bytemuck::cast_slice::<u8, [u8; LANES * STEP]>(y).as_chunks::<HALVES>().0;
                let steps = x.iter().zip(y);
                (
                    [integers(&start[0]), integers(&start[1])],
                    steps.map(|(x, y)| (x, [integers(&y[0]), integers(&y[1])])),
                )
            }
        }

        /// The integers of the anchors and of the columns.
        type Step<'a> = (&'a [[u8; STEP]; ROWS], [Integers; HALVES]);

        /// The rows of a block and their numbers.
        struct Block<'a> {
            x: &'a Side<'a>,
            a: usize,
            y: &'a Side<'a>,
            c: usize,
        }

        impl Block<'_> {
            /// The products of the sketches or of the vectors.
            #[inline]
            #[target_feature(enable = $features)]
            fn products(&self, pass: &Pass<'_>, part: usize) -> Pairs<Floats> {
                let (of_x, of_y, chunks) = (&self.x.parts[part], &self.y.parts[part], pass.chunks[part]);
                let integers = chunks.iter().sum::<usize>() * STEP;
                let mut operands = Operands {
                    anchors: &of_x.integers[self.a * integers..(self.a + ROWS) * integers],
                    columns: &of_y.integers[self.c * integers..(self.c + COLUMNS) * integers],
                    corrections: &pass.corrections[part][self.c * chunks.len()..(self.c + COLUMNS) * chunks.len()],
                };
                let sums = multiply(&mut operands, chunks);
                let mut products = [[splat(0.0); HALVES]; ROWS];
                let (x, y) = (self.anchors(of_x.scales), self.columns(of_y.scales));
                for ((products, sums), &x) in products.iter_mut().zip(sums).zip(x) {
                    let x = splat(x);
                    for half in 0..HALVES {
                        products[half] = mul(to_floats(sums[half]), mul(x, y[half]));
                    }
                }
                products
            }

            /// Which pairs may reach their cut: by the products of the sketches, or of the vectors.
            #[inline]
            #[target_feature(enable = $features)]
            fn reached<const SKETCHES: bool>(&self, products: &Pairs<Floats>) -> Pairs<Mask> {
                let part = usize::from(!SKETCHES);
                let (of_x, of_y) = (&self.x.parts[part], &self.y.parts[part]);
                let [own_residuals, own_cuts] = [of_x.residuals, of_x.cuts].map(|numbers| self.anchors(numbers));
                let [residuals, cuts] = [of_y.residuals, of_y.cuts].map(|numbers| self.columns(numbers));
                let rests = SKETCHES.then(|| (self.anchors(self.x.rest), self.columns(self.y.rest)));
                let mut reached = [[none(); HALVES]; ROWS];
                for (row, (reached, products)) in reached.iter_mut().zip(products).enumerate() {
                    let [residual, cut] = [own_residuals, own_cuts].map(|numbers| splat(numbers[row]));
                    for half in 0..HALVES {
                        let mut apart = add(residual, residuals[half]);
                        if let Some((own_rest, rest)) = &rests {
                            apart = add(apart, mul(splat(own_rest[row]), rest[half]));
                        }
                        reached[half] = at_least(add(products[half], apart), min(cut, cuts[half]));
                    }
                }
                reached
            }

            /// The numbers of the block's anchors.
            #[inline]
            #[target_feature(enable = $features)]
            fn anchors<'b>(&self, numbers: &'b [f32]) -> &'b [f32; ROWS] {
                numbers[self.a..].first_chunk().expect("rows come in whole blocks")
            }

            /// The numbers of the block's columns.
            #[inline]
            #[target_feature(enable = $features)]
            fn columns(&self, numbers: &[f32]) -> [Floats; HALVES] {
                let numbers = numbers[self.c..self.c + COLUMNS].as_chunks::<LANES>().0;
                [floats(&numbers[0]), floats(&numbers[1])]
            }

            /// Adds the pairs that are reached.
            #[inline(never)]
            #[target_feature(enable = $features)]
            fn collect(&self, products: &Pairs<Floats>, reached: &Pairs<Mask>, found: &mut Vec<Proposal>) {
                for (at, (&products, &reached)) in
                    products.as_flattened().iter().zip(reached.as_flattened()).enumerate()
                {
                    let mut lanes = bits(reached);
                    if lanes == 0 {
                        continue;
                    }
                    let products = numbers(products);
                    let place = |at: usize| u32::try_from(at).expect("a tile is small");
                    let (anchor, first) = (place(self.a + at / HALVES), place(self.c + at % HALVES * LANES));
                    while lanes != 0 {
                        let lane = lanes.trailing_zeros();
                        lanes &= lanes - 1;
                        found.push(Proposal { anchor, column: first + lane, product: products[lane as usize % LANES] });
                    }
                }
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn any(reached: &Pairs<Mask>) -> bool {
            bits(reached.as_flattened().iter().fold(none(), |all, &of_row| or(all, of_row))) != 0
        }
    };
}

/// `multiply`, for instructions that add four products to a sum of 32 bits, over what a room brings: `zero`, `add_integers`, and
/// `step`, which adds the products of a step to the sums.
macro_rules! sums_of_dots {
    ($features:literal) => {
        /// The sums of the next chunks.
        #[inline]
        #[target_feature(enable = $features)]
        fn multiply(operands: &mut Operands<'_>, chunks: &[usize]) -> Pairs<Integers> {
            let mut sums = [[zero(); HALVES]; ROWS];
            for &steps in chunks {
                let (start, steps) = operands.take(steps);
                for sums in &mut sums {
                    for half in 0..HALVES {
                        sums[half] = add_integers(sums[half], start[half]);
                    }
                }
                for (x, y) in steps {
                    step(&mut sums, x, y);
                }
            }
            sums
        }
    };
}

pub(super) use {blocks, sums_of_dots};
