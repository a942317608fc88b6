//! Random shops under random rules, in random shapes of the work.

use std::sync::LazyLock;

use proptest::prelude::*;
use twinset::progress::Progress;
use twinset::similarity::Similarity;
use twinset::similarity::cpu::Cpu;
use twinset::similarity::gpu::kernels::Arithmetic;
use twinset::similarity::gpu::{Gpu, Options};

use super::{Watched, by_cpu, differing, engine, sizes};
use crate::random_shop::{shop_of, shop_of_views};
use crate::random_shops::contract;

/// A handful of shapes, each opened once.
static ENGINES: LazyLock<Vec<Gpu>> = LazyLock::new(|| {
    let shapes = [sizes(1, 2, 1, 1), sizes(1, 3, 2, 3), sizes(2, 2, 1, 8), sizes(3, 9, 5, 64)];
    let both = |shape: Options| {
        [Arithmetic::F32, Arithmetic::Int8].map(|one| engine(Options { arithmetic: Some(one), ..shape.clone() }))
    };
    shapes.into_iter().flat_map(both).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    #[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
    fn random_shops_get_the_same_lists(shop in shop_of(100..700), at in any::<prop::sample::Index>()) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (gallery, plan) = contract(&shop, folder.path());
        let matrix = gallery.matrix();
        let gpu = &ENGINES[at.index(ENGINES.len())];
        let found = Watched::new(gpu).top_k(matrix, &plan.lists, &Progress::hidden()).expect("lists");
        prop_assert_eq!(differing(&found.lists, &by_cpu(matrix, &plan.lists)), None);
    }

    /// A view is a row to a device, and its lists are longer than those of the products.
    #[test]
    #[cfg_attr(no_gpu_tests, ignore = "TWINSET_GPU_TESTS=skip")]
    fn random_shops_of_several_views_get_the_same_lists(
        shop in shop_of_views(50..250),
        at in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (gallery, plan) = contract(&shop, folder.path());
        let [by_device, by_cpu]: [&dyn Similarity; 2] = [&Watched::new(&ENGINES[at.index(ENGINES.len())]), &Cpu::default()];
        let lists = |engine| gallery.top_k(engine, &plan.lists, &Progress::hidden()).expect("lists").lists;
        prop_assert_eq!(differing(&lists(by_device), &lists(by_cpu)), None);
    }
}
