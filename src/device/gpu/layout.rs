//! The layout check: a shader, parsed by naga, must say what its Rust half says. Struct twins cannot drift.

use crate::kernel::{Access, Element, Entry, Part};
use std::collections::BTreeMap;
use wgpu::naga;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

/// Compares entry point, buffers, parameters and constants of a kernel's shader with its Rust half; says what differs.
///
/// # Errors
/// The first difference, in a line.
pub fn check(entry: &Entry) -> Result<(), String> {
    let module = valid(entry.name, &entry.source(), Capabilities::empty())?;
    check_constants(entry, &module, entry.parts)?;
    if let Some(parts) = entry.parts_in_f64() {
        let source: String = parts.iter().map(|part| part.source).collect();
        let wide = valid(entry.name, &source, Capabilities::FLOAT64 | Capabilities::SHADER_INT64)?;
        check_constants(entry, &wide, &parts)?;
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
    let wanted = entry
        .buffers
        .iter()
        .map(|binding| (binding.name.to_string(), binding.access, spelling(binding.element).to_string()));
    expect(entry.name, "buffers", found, wanted.collect())
}

/// Compares the constants that these parts share with Rust.
fn check_constants(entry: &Entry, module: &naga::Module, parts: &[Part]) -> Result<(), String> {
    for &(name, value) in parts.iter().flat_map(|part| part.constants) {
        let found = module.constants.iter().find(|(_, constant)| constant.name.as_deref() == Some(name));
        let literal = found.and_then(|(_, constant)| match module.global_expressions[constant.init] {
            naga::Expression::Literal(literal) => Some(literal),
            _ => None,
        });
        let literal = literal.ok_or_else(|| format!("{}: the shader has no typed constant {name}", entry.name))?;
        let same = match literal {
            naga::Literal::F32(found) => found == value as f32,
            naga::Literal::F64(found) => found == value,
            naga::Literal::U32(found) => f64::from(found) == value,
            naga::Literal::I32(found) => f64::from(found) == value,
            _ => false,
        };
        if !same {
            return Err(format!(
                "shaders/{0}.wgsl: {name} is {literal:?}, src/kernel/{0}.rs has {value:?}",
                entry.name
            ));
        }
    }
    Ok(())
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
        Element::Number => "f32",
        Element::Vec4 => "vec4<f32>",
        Element::Bits | Element::Word => "u32",
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
