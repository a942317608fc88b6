#!/bin/sh
# Fuzzes a target with the stable compiler: `fuzz/run.sh photos -max_total_time=300`. `cargo fuzz run photos` works as well
# where there are cargo-fuzz and a nightly compiler, and adds the address sanitizer.
set -eu
cd "$(dirname "$0")"
target=$1
shift
[ -f Cargo.lock ] || cp ../Cargo.lock .
host=$(rustc -vV | sed -n 's/^host: //p')
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags="$flags -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
RUSTFLAGS="$flags -Ccodegen-units=1" cargo build --release --target "$host" --bin "$target"
mkdir -p "corpus/$target" "artifacts/$target"
exec "target/$host/release/$target" -artifact_prefix="artifacts/$target/" "$@" "corpus/$target"
