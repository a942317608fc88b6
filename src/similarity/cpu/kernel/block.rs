//! What the blocks of all instruction sets have in common, written once in the operations that a kernel's room names: so every
//! kernel proposes the same pairs with the same bits. It refuses to multiply integers. A macro, because the instruction set of a
//! function must be a literal.

/// `scan`, over what a room brings:
///
/// - `ROWS` anchors, `COLUMNS` in `HALVES` registers of `LANES` numbers, the registers `Floats`, `Integers` and `Mask`;
/// - `multiply`, which adds the next section of the `Operands` to the sums;
/// - `floats` and `integers`, which load a register, and `numbers`, which stores it;
/// - `zero` and `larger` for integers;
/// - `splat`, `to_floats`, `add`, `sub`, `mul` and `min`, each rounded once;
/// - for masks `at_least`, `or`, `none` and `bits`.
macro_rules! blocks {
    ($features:literal) => {
        #[target_feature(enable = $features)]
        fn scan(pass: &Pass<'_>, found: &mut Vec<Proposal>) -> Scanned {
            let (tests, of_row) = (pass.sections.tests(), pass.of_row());
            let extremes = [Extremes::new(&pass.anchors, ROWS), Extremes::new(&pass.columns, COLUMNS)];
            let mut scanned = Scanned::default();
            for c in (0..pass.columns.rows()).step_by(COLUMNS) {
                'blocks: for a in (0..pass.anchors.rows()).step_by(ROWS) {
                    let block = Block { x: &pass.anchors, a, y: &pass.columns, c };
                    let mut operands = block.operands(pass, of_row);
                    let mut sums = [[zero(); HALVES]; ROWS];
                    scanned.steps += operands.steps();
                    for (test, section) in pass.sections.all().iter().enumerate() {
                        sums = multiply(sums, &mut operands, section);
                        if test < tests && !block.may_reach(&sums, test, section.unit, &extremes) {
                            scanned.spared += operands.steps();
                            continue 'blocks;
                        }
                    }
                    let products = block.products(&sums);
                    let reached = block.reached(&products);
                    if bits(reached.as_flattened().iter().fold(none(), |all, &of_row| or(all, of_row))) != 0 {
                        block.collect(&products, &reached, found);
                    }
                }
            }
            scanned
        }

        #[target_feature(enable = $features)]
        fn products(pass: &Pass<'_>, all: &mut [f32]) {
            let (width, of_row) = (pass.columns.rows(), pass.of_row());
            for c in (0..width).step_by(COLUMNS) {
                for a in (0..pass.anchors.rows()).step_by(ROWS) {
                    let block = Block { x: &pass.anchors, a, y: &pass.columns, c };
                    let mut operands = block.operands(pass, of_row);
                    let mut sums = [[zero(); HALVES]; ROWS];
                    for section in pass.sections.all() {
                        sums = multiply(sums, &mut operands, section);
                    }
                    for (row, products) in block.products(&sums).into_iter().enumerate() {
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
            /// Steps that are left.
            fn steps(&self) -> u64 {
                (self.anchors.len() / (ROWS * STEP)) as u64
            }

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
            /// All integers.
            #[inline]
            #[target_feature(enable = $features)]
            fn operands<'b>(&self, pass: &Pass<'b>, [integers, chunks]: [usize; 2]) -> Operands<'b> {
                Operands {
                    anchors: &pass.anchors.integers[self.a * integers..(self.a + ROWS) * integers],
                    columns: &pass.columns.integers[self.c * integers..(self.c + COLUMNS) * integers],
                    corrections: &pass.corrections[self.c * chunks..(self.c + COLUMNS) * chunks],
                }
            }

            /// Whether some pair may reach its score with what comes after a test, by these sums of a section of such units.
            #[inline]
            #[target_feature(enable = $features)]
            fn may_reach(&self, sums: &Pairs<Integers>, test: usize, unit: f32, extremes: &[Extremes; 2]) -> bool {
                let [of_anchors, of_columns] = extremes;
                let Extreme { score, scale, rest } = of_anchors.of(self.a / ROWS, test);
                let least = splat(score - rest * of_columns.of(self.c / COLUMNS, test).rest);
                let (scale, rest) = (splat(scale * (unit * unit)), splat(rest));
                let (scales, scores) = (self.columns(self.y.scales), self.columns(self.y.scores));
                let rests = self.columns(&self.y.rests[test * self.y.rows()..]);
                let mut most = [zero(); HALVES];
                for sums in sums {
                    for half in 0..HALVES {
                        most[half] = larger(most[half], sums[half]);
                    }
                }
                let mut reached = none();
                for half in 0..HALVES {
                    let product = mul(to_floats(most[half]), mul(scale, scales[half]));
                    let limit = min(least, sub(scores[half], mul(rests[half], rest)));
                    reached = or(reached, at_least(product, limit));
                }
                bits(reached) != 0
            }

            /// The products of whole vectors.
            #[inline]
            #[target_feature(enable = $features)]
            fn products(&self, sums: &Pairs<Integers>) -> Pairs<Floats> {
                let mut products = [[splat(0.0); HALVES]; ROWS];
                let (x, y) = (self.anchors(self.x.scales), self.columns(self.y.scales));
                for ((products, sums), &x) in products.iter_mut().zip(sums).zip(x) {
                    let x = splat(x);
                    for half in 0..HALVES {
                        products[half] = mul(to_floats(sums[half]), mul(x, y[half]));
                    }
                }
                products
            }

            /// Which pairs may reach their cut.
            #[inline]
            #[target_feature(enable = $features)]
            fn reached(&self, products: &Pairs<Floats>) -> Pairs<Mask> {
                let (x, y) = (self.x, self.y);
                let [own_residuals, own_cuts] = [x.residuals, x.cuts].map(|numbers| self.anchors(numbers));
                let [residuals, cuts] = [y.residuals, y.cuts].map(|numbers| self.columns(numbers));
                let mut reached = [[none(); HALVES]; ROWS];
                for (row, (reached, products)) in reached.iter_mut().zip(products).enumerate() {
                    let [residual, cut] = [own_residuals, own_cuts].map(|numbers| splat(numbers[row]));
                    for half in 0..HALVES {
                        let apart = add(residual, residuals[half]);
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
    };
}

/// `multiply`, for instructions that add four products to a sum of 32 bits, over what a room brings: `add_integers`, `moved_up`, which
/// moves integers some bits up, and `step`, which adds the products of a step to the sums.
macro_rules! sums_of_dots {
    ($features:literal) => {
        /// Adds the sums of a section.
        #[inline]
        #[target_feature(enable = $features)]
        fn multiply(mut sums: Pairs<Integers>, operands: &mut Operands<'_>, section: &Section) -> Pairs<Integers> {
            let mut shift = section.shift;
            for &steps in &section.chunks {
                let (start, steps) = operands.take(steps);
                for sums in &mut sums {
                    for half in 0..HALVES {
                        sums[half] = add_integers(moved_up(sums[half], shift), start[half]);
                    }
                }
                shift = 0;
                for (x, y) in steps {
                    step(&mut sums, x, y);
                }
            }
            sums
        }
    };
}

pub(super) use {blocks, sums_of_dots};
