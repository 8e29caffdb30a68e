//! The layout check: a shader, parsed by naga, must say what its Rust half says. Struct twins cannot drift.

use crate::kernel::{Access, Element, Entry};
use std::collections::BTreeMap;
use wgpu::naga;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

/// Compares entry point, buffers and parameters of a kernel's shader with its Rust half; says what differs.
pub fn check(entry: &Entry) -> Result<(), String> {
    let module = valid(entry.name, entry.source, Capabilities::empty())?;
    if let Some(source) = entry.source_in_f64() {
        valid(entry.name, &source, Capabilities::FLOAT64 | Capabilities::SHADER_INT64)?;
    }
    let points: Vec<&str> = module.entry_points.iter().map(|point| point.name.as_str()).collect();
    expect(entry.name, "entry points", points, vec![entry.name])?;
    let mut bindings = BTreeMap::new();
    for (_, variable) in module.global_variables.iter() {
        if let Some(binding) = variable.binding {
            bindings.insert(binding.binding, variable);
        }
    }
    let params = bindings.remove(&0).ok_or_else(|| format!("{}: no binding 0", entry.name))?;
    check_params(entry, &module, params)?;
    let found: Vec<_> = bindings.values().map(|variable| describe(&module, variable)).collect();
    let wanted: Vec<_> =
        entry.buffers.iter().map(|&(name, access, element)| (name.to_string(), access, spelling(element))).collect();
    let wanted: Vec<_> = wanted.into_iter().map(|(n, a, s)| (n, a, s.to_string())).collect();
    expect(entry.name, "buffers", found, wanted)
}

/// The module of a shader, if it is right.
fn valid(name: &str, source: &str, capabilities: Capabilities) -> Result<naga::Module, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|e| e.emit_to_string(source))?;
    let checked = Validator::new(ValidationFlags::all(), capabilities).validate(&module);
    checked.map_err(|e| format!("{name}: {e:?}"))?;
    Ok(module)
}

fn expect<T: PartialEq + std::fmt::Debug>(name: &str, what: &str, shader: T, rust: T) -> Result<(), String> {
    if shader == rust {
        return Ok(());
    }
    Err(format!("shaders/{name}.wgsl: {what} are {shader:?}, src/kernel/{name}.rs has {rust:?}"))
}

fn check_params(entry: &Entry, module: &naga::Module, variable: &naga::GlobalVariable) -> Result<(), String> {
    let naga::TypeInner::Struct { members, .. } = &module.types[variable.ty].inner else {
        return Err(format!("{}: binding 0 is not a struct", entry.name));
    };
    let found: Vec<_> =
        members.iter().map(|m| (m.name.clone().unwrap_or_default(), type_name(module, m.ty), m.offset)).collect();
    // Scalars of four bytes lie one behind the other in WGSL, in encase and in our own list.
    let wanted: Vec<_> = entry
        .fields
        .iter()
        .enumerate()
        .map(|(i, &(name, kind))| (name.to_string(), kind.to_string(), 4 * i as u32))
        .collect();
    expect(entry.name, "parameters", found, wanted)
}

fn describe(module: &naga::Module, variable: &naga::GlobalVariable) -> (String, Access, String) {
    let access = match variable.space {
        naga::AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE) => Access::Write,
        _ => Access::Read,
    };
    let element = match module.types[variable.ty].inner {
        naga::TypeInner::Array { base, .. } => type_name(module, base),
        _ => "not an array".to_string(),
    };
    (variable.name.clone().unwrap_or_default(), access, element)
}

fn spelling(element: Element) -> &'static str {
    match element {
        Element::Real => "f32",
        Element::Real4 => "vec4<f32>",
        Element::RealBits | Element::Word => "u32",
        Element::Int => "i32",
    }
}

fn type_name(module: &naga::Module, ty: naga::Handle<naga::Type>) -> String {
    let scalar = |scalar: naga::Scalar| match scalar.kind {
        naga::ScalarKind::Float => format!("f{}", 8 * scalar.width),
        naga::ScalarKind::Uint => format!("u{}", 8 * scalar.width),
        naga::ScalarKind::Sint => format!("i{}", 8 * scalar.width),
        kind => format!("{kind:?}"),
    };
    match module.types[ty].inner {
        naga::TypeInner::Scalar(s) => scalar(s),
        naga::TypeInner::Vector { size, scalar: s } => format!("vec{}<{}>", size as u8, scalar(s)),
        naga::TypeInner::Atomic(s) => format!("atomic<{}>", scalar(s)),
        ref other => format!("{other:?}"),
    }
}
