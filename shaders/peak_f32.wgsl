// Fused multiply-adds of f32 in registers only: the peak that `twinset bench` holds the tile kernel against.
//
// One invocation does 512 multiply-adds a round: 16 times 8 accumulators of 4 numbers. Owner: src/similarity/gpu/kernels.rs.

struct Params {
    rounds: u32,
    seed: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<f32>; // [invocation]

struct Sums {
    a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>, e: vec4<f32>, f: vec4<f32>, g: vec4<f32>, h: vec4<f32>,
}

// Turns four points, (a, e) to (d, h), a little: they go round, so that no sum overflows, vanishes or settles.
fn turn(s: ptr<function, Sums>, forth: vec4<f32>, back: vec4<f32>) {
    (*s).a = fma((*s).e, forth, (*s).a);
    (*s).b = fma((*s).f, forth, (*s).b);
    (*s).c = fma((*s).g, forth, (*s).c);
    (*s).d = fma((*s).h, forth, (*s).d);
    (*s).e = fma((*s).a, back, (*s).e);
    (*s).f = fma((*s).b, back, (*s).f);
    (*s).g = fma((*s).c, back, (*s).g);
    (*s).h = fma((*s).d, back, (*s).h);
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // Nothing here is known before the dispatch, and no two sums are alike, so that no compiler can do the work beforehand.
    let start = f32((id.x ^ params.seed) % 1024u);
    let forth = vec4((start + 1.0) / 2048.0);
    let back = vec4((start - 1025.0) / 2048.0);
    let first = vec4(start) + vec4(1.0, 2.0, 3.0, 4.0);
    var s = Sums(first, first + 4.0, first + 8.0, first + 12.0, first + 16.0, first + 20.0, first + 24.0, first + 28.0);
    for (var round = 0u; round < params.rounds; round++) {
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
        turn(&s, forth, back);
    }
    results[id.x] = dot(s.a + s.b + s.c + s.d + s.e + s.f + s.g + s.h, vec4(1.0));
}
