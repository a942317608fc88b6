// Moves the survivors out of their rows' slots into one run, so that only what is used has to be read back.
//
// Where a row's survivors come to lie depends on chance; that it has them all, or visibly not, does not. Owner:
// src/similarity/gpu/kernels.rs.

struct Params {
    rows: u32,  // local rows
    slots: u32, // survivors that a row can keep
    room: u32,  // survivors that `packed` can keep
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> survivors: array<vec2<u32>>;         // [local row][slot]
@group(0) @binding(2) var<storage, read> counts: array<u32>;                  // [local row], also what found no slot
@group(0) @binding(3) var<storage, read_write> used: array<atomic<u32>>;      // one number, 0 at first
@group(0) @binding(4) var<storage, read_write> places: array<vec2<u32>>;      // [local row]: where its survivors start, its count
@group(0) @binding(5) var<storage, read_write> packed: array<vec2<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = (group.x + group.y * groups.x) * 64u + lane;
    if row >= params.rows {
        return;
    }
    let kept = min(counts[row], params.slots);
    var start = 0u;
    if kept > 0u {
        start = atomicAdd(&used[0], kept);
    }
    places[row] = vec2(start, counts[row]);
    // What finds no room is not lost: the host sees where it would have been.
    for (var i = 0u; i < kept && start + i < params.room; i++) {
        packed[start + i] = survivors[row * params.slots + i];
    }
}
