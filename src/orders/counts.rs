//! In how many orders each two categories are, and how often each is beside another. This room refuses a table of all pairs: it looks
//! at one category at a time.

use super::NONE;

/// The orders of each category, and the categories of each order.
pub(super) struct Counts {
    /// Orders with at least one product.
    pub(super) orders: u32,
    categories_of: Lists,
    orders_of: Lists,
    /// Per category, how many other categories its orders have, summed up.
    beside: Vec<u64>,
}

/// Two categories that orders have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) other: usize,
    /// Orders that have both.
    pub(super) orders: u32,
    pub(super) support: f64,
    pub(super) lift: f64,
    pub(super) weight: f64,
}

impl Counts {
    /// `bought` are order and category numbers, ascending, each pair once. `NONE` makes an order count and no category.
    pub(super) fn of(bought: &[(u32, u32)], categories: usize) -> Counts {
        let mut orders = 0;
        let mut pairs = Vec::with_capacity(bought.len());
        for order in bought.chunk_by(|a, b| a.0 == b.0) {
            let categorized = order.iter().filter(|&&(_, category)| category != NONE);
            pairs.extend(categorized.map(|&(_, category)| (orders, category)));
            orders += 1;
        }
        let categories_of = Lists::of(orders as usize, &pairs);
        let mut beside = vec![0; categories];
        for order in 0..orders as usize {
            let all = categories_of.list(order);
            for &category in all {
                beside[category as usize] += all.len() as u64 - 1;
            }
        }
        for pair in &mut pairs {
            *pair = (pair.1, pair.0);
        }
        Counts { orders, categories_of, orders_of: Lists::of(categories, &pairs), beside }
    }

    /// Calls `visit` with each category and what is in at least `min_orders` orders with it, by number.
    pub(super) fn each(&self, min_orders: u32, shrinkage: f64, mut visit: impl FnMut(usize, Vec<Pair>)) {
        let categories = self.orders_of.starts.len() - 1;
        let mut both = vec![0_u32; categories];
        let mut others: Vec<u32> = Vec::new();
        for category in 0..categories {
            for &order in self.orders_of.list(category) {
                for &other in self.categories_of.list(order as usize) {
                    if both[other as usize] == 0 {
                        others.push(other);
                    }
                    both[other as usize] += 1;
                }
            }
            others.sort_unstable();
            let mut pairs = Vec::new();
            for other in others.drain(..).map(|other| other as usize) {
                let orders = std::mem::take(&mut both[other]);
                if other != category && orders >= min_orders {
                    pairs.push(self.pair(category, other, orders, shrinkage));
                }
            }
            visit(category, pairs);
        }
    }

    /// What `orders` orders with both say of two categories.
    fn pair(&self, category: usize, other: usize, orders: u32, shrinkage: f64) -> Pair {
        let (n, n_ab) = (exact(self.beside.iter().sum()), f64::from(orders));
        let [n_a, n_b] = [category, other].map(|category| exact(self.beside[category]));
        let lift = (n_ab + shrinkage) / (n_a * n_b / n + shrinkage);
        // Rounding may leave two categories that are only bought together a little above 1.
        let weight = (libm::log(lift) / -libm::log(n_ab / n)).min(1.0);
        Pair { other, orders, support: n_ab / f64::from(self.orders), lift, weight }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 pairs of categories")]
fn exact(count: u64) -> f64 {
    count as f64
}

/// Lists of numbers, end to end.
struct Lists {
    starts: Vec<usize>,
    numbers: Vec<u32>,
}

impl Lists {
    /// So many lists: each pair puts its second number into the list of its first, in the order of the pairs.
    fn of(lists: usize, pairs: &[(u32, u32)]) -> Lists {
        let mut starts = vec![0; lists + 1];
        for &(list, _) in pairs {
            starts[list as usize + 1] += 1;
        }
        for list in 0..lists {
            starts[list + 1] += starts[list];
        }
        let (mut next, mut numbers) = (starts.clone(), vec![0; pairs.len()]);
        for &(list, number) in pairs {
            numbers[next[list as usize]] = number;
            next[list as usize] += 1;
        }
        Lists { starts, numbers }
    }

    fn list(&self, list: usize) -> &[u32] {
        &self.numbers[self.starts[list]..self.starts[list + 1]]
    }
}
