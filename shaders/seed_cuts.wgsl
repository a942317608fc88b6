// For every list of the local rows, the K-th largest of its buckets' keys: at least K entries are worth that much.
//
// The tile kernels fill the buckets from a few tiles before the first full pass. Owner: src/similarity/gpu/kernels.rs.

struct Params {
    lists: u32,   // local rows × rules
    rules: u32,
    buckets: u32, // per list
    k: array<vec4<u32>, 8>, // entries that the lists of each of up to 32 rules hold
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;        // [local row][rule][bucket], 0 where nothing came
@group(0) @binding(2) var<storage, read_write> seeds: array<u32>; // [local row][rule], 0 where there are fewer than K

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let list = (group.x + group.y * groups.x) * 64u + lane;
    if list >= params.lists {
        return;
    }
    let rule = list % params.rules;
    let k = params.k[rule / 4u][rule % 4u];
    // The largest key that at least K buckets reach, from its highest bit down.
    var seed = 0u;
    for (var bit = 0x80000000u; bit != 0u; bit >>= 1u) {
        var reached = 0u;
        for (var b = 0u; b < params.buckets; b++) {
            reached += select(0u, 1u, keys[list * params.buckets + b] >= (seed | bit));
        }
        seed |= select(0u, bit, reached >= k);
    }
    seeds[list] = seed;
}
