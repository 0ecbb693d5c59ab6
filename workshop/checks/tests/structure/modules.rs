//! The modules of one crate: a file each, with the names it defines and the paths its code names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::{Attribute, Item, UseTree};

use crate::paths::{self, Named, is_for_tests};

/// Where in the crate: the names of the modules from its root on.
pub(crate) type Place = Vec<String>;

/// What a name in a module is.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// Something that the module defines.
    Own,
    /// A module below it.
    Child,
    /// Something from elsewhere, by a path that begins in this module.
    Imported(Vec<String>),
}

/// A module, in a file of its own or inside another's.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) names: BTreeMap<String, Meaning>,
    /// Paths that end in `*`.
    pub(crate) globs: Vec<Vec<String>>,
    /// What its code names. Declarations of modules and re-exports of what is below it are left out.
    pub(crate) named: Vec<Named>,
}

/// A crate as its modules.
pub(crate) type Crate = BTreeMap<Place, Module>;

/// Reads the crate whose first file this is, without what is compiled for tests alone.
pub(crate) fn read(first: &Path) -> Crate {
    let mut modules = Crate::new();
    read_file(first, &Place::new(), first.parent().unwrap(), &mut modules);
    modules
}

/// `below` is the folder that holds the modules of this one.
fn read_file(file: &Path, place: &Place, below: &Path, modules: &mut Crate) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if !is_for_tests(&parsed.attrs) {
        read_items(&parsed.items, file, place, below, modules);
    }
}

fn read_items(items: &[Item], file: &Path, place: &Place, below: &Path, modules: &mut Crate) {
    let mut module = Module { file: file.to_owned(), ..Module::default() };
    for item in items {
        match item {
            _ if is_for_tests(attributes(item)) => {}
            Item::Mod(it) => {
                let name = it.ident.to_string();
                let inner = [place.as_slice(), std::slice::from_ref(&name)].concat();
                let folder = below.join(&name);
                match &it.content {
                    Some((_, items)) => read_items(items, file, &inner, &folder, modules),
                    None => {
                        let (file, folder) = find(it, file, below, folder);
                        read_file(&file, &inner, &folder, modules);
                    }
                }
                module.names.insert(name, Meaning::Child);
            }
            Item::Use(it) => {
                let is_public = !matches!(it.vis, syn::Visibility::Inherited);
                read_use(&it.tree, Vec::new(), is_public, &mut module);
            }
            item => {
                if let Some(name) = name(item) {
                    module.names.insert(name, Meaning::Own);
                }
                paths::of_item(item, &mut module.named);
            }
        }
    }
    modules.insert(place.clone(), module);
}

/// The file of a module that is declared in another, and the folder that holds its own.
fn find(it: &syn::ItemMod, parent: &Path, below: &Path, folder: PathBuf) -> (PathBuf, PathBuf) {
    let named = it.attrs.iter().find(|it| it.path().is_ident("path"));
    if let Some(syn::Meta::NameValue(named)) = named.map(|it| &it.meta)
        && let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &named.value
    {
        let file = parent.parent().unwrap().join(path.value());
        let folder = file.parent().unwrap().to_owned();
        return (file, folder);
    }
    let file = below.join(format!("{}.rs", it.ident));
    (if file.exists() { file } else { folder.join("mod.rs") }, folder)
}

fn read_use(tree: &UseTree, mut path: Vec<String>, is_public: bool, module: &mut Module) {
    let (last, name, span) = match tree {
        UseTree::Path(it) => {
            path.push(it.ident.to_string());
            return read_use(&it.tree, path, is_public, module);
        }
        UseTree::Group(it) => {
            return it.items.iter().for_each(|it| read_use(it, path.clone(), is_public, module));
        }
        UseTree::Name(it) => (it.ident.to_string(), it.ident.to_string(), it.span()),
        UseTree::Rename(it) => (it.ident.to_string(), it.rename.to_string(), it.span()),
        UseTree::Glob(it) => ("*".to_owned(), "*".to_owned(), it.span()),
    };
    // `use a::{self}` names `a`.
    let name = if last == "self" { path.last().cloned().unwrap_or(name) } else { name };
    if last != "self" && last != "*" {
        path.push(last.clone());
    }
    module.named.push(Named { path: path.clone(), line: span.start().line, is_reexport: is_public });
    if last == "*" {
        module.globs.push(path);
    } else if name != "_" {
        module.names.insert(name, Meaning::Imported(path));
    }
}

fn name(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(it) => it.ident.to_string(),
        Item::Enum(it) => it.ident.to_string(),
        Item::Fn(it) => it.sig.ident.to_string(),
        Item::Macro(it) => it.ident.as_ref()?.to_string(),
        Item::Static(it) => it.ident.to_string(),
        Item::Struct(it) => it.ident.to_string(),
        Item::Trait(it) => it.ident.to_string(),
        Item::TraitAlias(it) => it.ident.to_string(),
        Item::Type(it) => it.ident.to_string(),
        Item::Union(it) => it.ident.to_string(),
        _ => return None,
    })
}

pub(crate) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(it) => &it.attrs,
        Item::Enum(it) => &it.attrs,
        Item::Fn(it) => &it.attrs,
        Item::Impl(it) => &it.attrs,
        Item::Macro(it) => &it.attrs,
        Item::Mod(it) => &it.attrs,
        Item::Static(it) => &it.attrs,
        Item::Struct(it) => &it.attrs,
        Item::Trait(it) => &it.attrs,
        Item::Type(it) => &it.attrs,
        Item::Use(it) => &it.attrs,
        _ => &[],
    }
}
