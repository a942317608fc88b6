//! The kernels as naga reads them. Whatever does not parse or does not validate as plain WebGPU fails here.

use std::path::Path;

use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Handle, Module, ResourceBinding, StorageAccess, Type, TypeInner};

use crate::run::ROOT;

/// One file of `shaders/`.
pub struct Shader {
    pub stem: String,
    pub text: String,
    pub module: Module,
    pub info: ModuleInfo,
}

/// A buffer of a shader.
pub struct Bound {
    pub at: ResourceBinding,
    pub kind: &'static str,
}

/// A member of a shader's uniform; offset and size in bytes.
#[derive(Debug, PartialEq)]
pub struct Member {
    pub name: String,
    pub offset: usize,
    pub size: usize,
    pub ty: String,
}

/// Every shader, by name.
pub fn shaders() -> Vec<Shader> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("shaders")).expect("a folder");
    let paths =
        entries.map(|entry| entry.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "wgsl"));
    let mut shaders: Vec<Shader> = paths.map(|path| Shader::read(&path)).collect();
    shaders.sort_by(|a, b| a.stem.cmp(&b.stem));
    assert!(!shaders.is_empty());
    shaders
}

impl Shader {
    fn read(path: &Path) -> Self {
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("a name").to_owned();
        let text = std::fs::read_to_string(path).expect("UTF-8");
        let module =
            naga::front::wgsl::parse_str(&text).unwrap_or_else(|e| panic!("{stem}: {}", e.emit_to_string(&text)));
        let validated = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
        let info = validated.unwrap_or_else(|e| panic!("{stem}: {}", e.emit_to_string(&text)));
        Self { stem, text, module, info }
    }

    /// Its buffers, by number; all of them must be of the first group.
    pub fn bindings(&self) -> Vec<Bound> {
        let bound = self.module.global_variables.iter().filter_map(|(_, variable)| {
            let at = variable.binding?;
            let kind = match variable.space {
                AddressSpace::Uniform => "uniform",
                AddressSpace::Storage { access } if access == StorageAccess::LOAD => "read",
                AddressSpace::Storage { .. } => "read_write",
                space => panic!("{}: {space:?} at {at:?}", self.stem),
            };
            assert_eq!(at.group, 0, "{}: {at:?}", self.stem);
            Some(Bound { at, kind })
        });
        let mut bindings: Vec<Bound> = bound.collect();
        bindings.sort_by_key(|b| b.at.binding);
        bindings
    }

    /// Bytes of workgroup storage, as WebGPU counts them.
    pub fn workgroup_bytes(&self) -> u32 {
        let of_workgroup = |v: &&GlobalVariable| v.space == AddressSpace::WorkGroup;
        let variables = self.module.global_variables.iter().map(|(_, variable)| variable);
        variables.filter(of_workgroup).map(|v| self.size(v.ty).next_multiple_of(16)).sum()
    }

    /// Bytes of its uniform; 0 when it has none.
    pub fn params_size(&self) -> u32 {
        self.uniform().map_or(0, |ty| self.size(ty))
    }

    /// The members of its uniform.
    pub fn params(&self) -> Vec<Member> {
        let Some(ty) = self.uniform() else { return Vec::new() };
        let TypeInner::Struct { members, .. } = &self.module.types[ty].inner else {
            panic!("{}: the uniform is no struct", self.stem)
        };
        let member = |m: &naga::StructMember| Member {
            name: m.name.clone().expect("a name"),
            offset: m.offset as usize,
            size: self.size(m.ty) as usize,
            ty: self.describe(m.ty),
        };
        members.iter().map(member).collect()
    }

    fn uniform(&self) -> Option<Handle<Type>> {
        let variables = self.module.global_variables.iter().map(|(_, variable)| variable);
        let uniforms: Vec<_> = variables.filter(|v| v.space == AddressSpace::Uniform).map(|v| v.ty).collect();
        assert!(uniforms.len() <= 1, "{}: more than one uniform", self.stem);
        uniforms.first().copied()
    }

    fn size(&self, ty: Handle<Type>) -> u32 {
        self.module.types[ty].inner.size(self.module.to_ctx())
    }

    /// A type in words that mean the same in every module.
    fn describe(&self, ty: Handle<Type>) -> String {
        match &self.module.types[ty].inner {
            TypeInner::Array { base, size, stride } => format!("{} [{size:?}] every {stride}", self.describe(*base)),
            inner => format!("{inner:?}"),
        }
    }
}
