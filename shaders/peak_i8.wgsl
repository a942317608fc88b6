// Dot products of four packed int8 in registers only: the peak that `twinset bench` holds the tile kernel against.
//
// One invocation does 2,048 multiply-adds a round: 16 times 8 accumulators of 4 numbers, 4 products each.
// Owner: src/similarity/gpu/kernels.rs.

struct Params {
    rounds: u32,
    seed: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<i32>; // [invocation]

struct Sums {
    a: vec4<i32>, b: vec4<i32>, c: vec4<i32>, d: vec4<i32>, e: vec4<i32>, f: vec4<i32>, g: vec4<i32>, h: vec4<i32>,
}

fn dots(rows: vec4<i32>, column: u32) -> vec4<i32> {
    let r = bitcast<vec4<u32>>(rows);
    return vec4(dot4I8Packed(r.x, column), dot4I8Packed(r.y, column), dot4I8Packed(r.z, column), dot4I8Packed(r.w, column));
}

// Adds to each sum the products of another one's bytes: were the factors always the same, one product would serve all rounds.
fn add(s: ptr<function, Sums>, column: u32) {
    (*s).a += dots((*s).e, column);
    (*s).b += dots((*s).f, column);
    (*s).c += dots((*s).g, column);
    (*s).d += dots((*s).h, column);
    (*s).e += dots((*s).a, column);
    (*s).f += dots((*s).b, column);
    (*s).g += dots((*s).c, column);
    (*s).h += dots((*s).d, column);
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    // Nothing here is known before the dispatch, and no two sums are alike, so that no compiler can do the work beforehand.
    let column = (id.x ^ params.seed) * 0x9e3779b1u;
    let first = bitcast<vec4<i32>>(vec4(column)) + vec4(1, 2, 3, 4);
    var s = Sums(first, first + 4, first + 8, first + 12, first + 16, first + 20, first + 24, first + 28);
    for (var round = 0u; round < params.rounds; round++) {
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
        add(&s, column);
    }
    results[id.x] = dot(s.a + s.b + s.c + s.d + s.e + s.f + s.g + s.h, vec4(1));
}
