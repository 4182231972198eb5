//! The imports between the files of one crate, and the crates of the workspace that each file
//! names.
//!
//! An import is any path that leads to an item of another file: a `use`, or a path in an
//! expression, a type, a pattern, an attribute or the tokens of a macro. Re-exports are followed to
//! the file that defines the item. The `mod` lines of a module are no imports, and code under
//! `#[cfg(test)]` is not read.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItemFn, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility,
    visit::{self, Visit},
};

use super::sources::SourceFile;

/// The names of the modules from the root of a crate to a module.
type ModulePath = Vec<String>;

/// A use of one file by another, with the path that the source contains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) path: String,
}

#[derive(Default)]
struct Module {
    file: String,
    is_test: bool,
    items: BTreeSet<String>,
    /// Names that `use` brings into scope.
    bindings: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
    /// Paths in the source, as segments.
    imports: Vec<Vec<String>>,
}

/// The modules of one crate.
pub(super) struct Modules {
    modules: BTreeMap<ModulePath, Module>,
    /// Modules of macros with `#[macro_export]`, by the name of the macro.
    exported_macros: BTreeMap<String, ModulePath>,
}

impl Modules {
    /// Parses the files below `src` of one crate. Each file comes with its path below `src`.
    pub(super) fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a SourceFile)>) -> Self {
        let files: Vec<_> = files.into_iter().collect();
        let has_library = files.iter().any(|(path, _)| *path == "lib.rs");
        let mut parsed = Self { modules: BTreeMap::new(), exported_macros: BTreeMap::new() };
        let mut test_modules = BTreeSet::new();
        for (path, file) in files {
            let syntax = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
            let mut reader = Reader {
                file: path,
                at: module_of(path, has_library),
                found: &mut parsed,
                test_modules: &mut test_modules,
            };
            reader.open_module();
            reader.visit_file(&syntax);
        }
        for (path, module) in &mut parsed.modules {
            module.is_test = (1..=path.len()).any(|length| test_modules.contains(&path[..length]));
        }
        parsed
    }

    /// All imports of one file by another, without those of tests.
    pub(super) fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for (at, module) in self.modules.iter().filter(|(_, module)| !module.is_test) {
            for segments in &module.imports {
                let Some(target) = self.resolve(at, segments, 0) else { continue };
                let to = &self.modules[&target];
                if to.file != module.file && !to.is_test {
                    imports.insert(Import {
                        from: module.file.clone(),
                        to: to.file.clone(),
                        path: segments.join("::"),
                    });
                }
            }
        }
        imports
    }

    /// The names in the files that begin with `inspection_`, like the crates of the workspace,
    /// without that prefix.
    pub(super) fn workspace_names(&self) -> BTreeSet<(String, String)> {
        let modules = self.modules.values().filter(|module| !module.is_test);
        modules
            .flat_map(|module| module.imports.iter().map(|segments| (&module.file, segments)))
            .filter_map(|(file, segments)| {
                let name = segments.first()?.strip_prefix("inspection_")?;
                Some((file.clone(), name.to_owned()))
            })
            .collect()
    }

    /// The files, without those of tests.
    pub(super) fn files(&self) -> BTreeSet<&str> {
        self.modules.values().filter(|module| !module.is_test).map(|module| module.file.as_str()).collect()
    }

    /// The paths that the module of a file contains.
    pub(super) fn paths_of(&self, file: &str) -> BTreeSet<&[String]> {
        let modules = self.modules.values().filter(|module| module.file == file);
        modules.flat_map(|module| module.imports.iter().map(Vec::as_slice)).collect()
    }

    /// The module that defines the item at the end of a path.
    fn resolve(&self, at: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        // Two globs may lead to each other.
        if depth > 16 {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(&[], rest, depth),
            "self" => self.walk(at, rest, depth),
            "super" => {
                let parent = at.split_last()?.1;
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(parent, rest, depth + 1),
                    _ => self.walk(parent, rest, depth),
                }
            }
            _ if self.binds(at, first, depth) => self.walk(at, path, depth),
            _ => None,
        }
    }

    /// Follows a path from a module that it begins in.
    fn walk(&self, at: &[String], path: &[String], depth: usize) -> Option<ModulePath> {
        let Some((first, rest)) = path.split_first() else { return Some(at.to_vec()) };
        let child = [at, std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            return self.walk(&child, rest, depth);
        }
        let module = self.modules.get(at)?;
        if module.items.contains(first) {
            return Some(at.to_vec());
        }
        if let Some(targets) = module.bindings.get(first) {
            let found = targets.iter().find_map(|target| {
                let is_itself = target.len() == 1 && target[0] == *first;
                let path = [target.as_slice(), rest].concat();
                if is_itself { None } else { self.resolve(at, &path, depth + 1) }
            });
            // Bound to something outside the crate: no file is concerned but this one.
            return Some(found.unwrap_or_else(|| at.to_vec()));
        }
        for glob in &module.globs {
            if let Some(target) = self.resolve(at, glob, depth + 1)
                && target != at
                && self.binds(&target, first, depth + 1)
            {
                return self.walk(&target, path, depth + 1);
            }
        }
        if at.is_empty()
            && let Some(defined) = self.exported_macros.get(first)
        {
            return Some(defined.clone());
        }
        // Defined by a macro of the module.
        Some(at.to_vec())
    }

    /// Whether a name in a module is known to mean something of this crate.
    fn binds(&self, at: &[String], name: &str, depth: usize) -> bool {
        let Some(module) = self.modules.get(at) else { return false };
        let child = [at, &[name.to_owned()]].concat();
        self.modules.contains_key(&child)
            || module.items.contains(name)
            || module.bindings.get(name).is_some_and(|targets| {
                targets.iter().any(|target| target.first().is_some_and(|first| first != name))
            })
            || depth <= 16
                && module.globs.iter().any(|glob| {
                    self.resolve(at, glob, depth + 1)
                        .is_some_and(|target| target != at && self.binds(&target, name, depth + 1))
                })
    }
}

/// The module of a file below `src`. A `main.rs` beside a `lib.rs` is a module of its own.
fn module_of(path: &str, has_library: bool) -> ModulePath {
    match path.trim_end_matches(".rs") {
        "lib" => Vec::new(),
        "main" if !has_library => Vec::new(),
        path => path.trim_end_matches("/mod").split('/').map(str::to_owned).collect(),
    }
}

struct Reader<'a> {
    file: &'a str,
    at: ModulePath,
    found: &'a mut Modules,
    test_modules: &'a mut BTreeSet<ModulePath>,
}

impl Reader<'_> {
    fn module(&mut self) -> &mut Module {
        self.found.modules.entry(self.at.clone()).or_default()
    }

    fn open_module(&mut self) {
        let file = self.file.to_owned();
        self.module().file = file;
    }

    fn import(&mut self, segments: Vec<String>) {
        self.module().imports.push(segments);
    }

    fn bind(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |name: String| [prefix, &[name]].concat();
        let (path, name) = match tree {
            UseTree::Path(path) => {
                return self.bind(&path.tree, &with(path.ident.to_string()));
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.bind(tree, prefix));
            }
            UseTree::Glob(_) => {
                self.module().globs.push(prefix.to_vec());
                return self.import(prefix.to_vec());
            }
            UseTree::Name(name) if name.ident == "self" => (prefix.to_vec(), prefix.last().cloned()),
            UseTree::Name(name) => (with(name.ident.to_string()), Some(name.ident.to_string())),
            UseTree::Rename(rename) if rename.ident == "self" => {
                (prefix.to_vec(), Some(rename.rename.to_string()))
            }
            UseTree::Rename(rename) => (with(rename.ident.to_string()), Some(rename.rename.to_string())),
        };
        if let Some(name) = name {
            self.module().bindings.entry(name).or_default().push(path.clone());
        }
        self.import(path);
    }

    /// Finds the paths in tokens that are not parsed.
    fn scan(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Ident(first) => {
                    let mut segments = vec![first.to_string()];
                    while let [TokenTree::Punct(one), TokenTree::Punct(two), TokenTree::Ident(next), ..] =
                        &tokens[at..]
                        && one.as_char() == ':'
                        && two.as_char() == ':'
                    {
                        segments.push(next.to_string());
                        at += 3;
                    }
                    if segments.len() > 1 {
                        self.import(segments);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whether an item is compiled for tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let words: Vec<String> = idents(list.tokens.clone());
            words.iter().any(|word| word == "test")
                && !words.iter().any(|word| word == "any" || word == "not")
        }
        Meta::Path(path) => path.is_ident("test"),
        _ => false,
    })
}

/// All identifiers of a stream, in order.
pub(super) fn idents(tokens: TokenStream) -> Vec<String> {
    let mut found = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => found.extend(idents(group.stream())),
            _ => {}
        }
    }
    found
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if let Item::Mod(module) = item
            && is_for_tests(&module.attrs)
        {
            self.test_modules.insert([self.at.as_slice(), &[module.ident.to_string()]].concat());
        }
        if is_for_tests(attributes_of(item)) {
            return;
        }
        if let Some(name) = name_of(item) {
            if let Item::Macro(item) = item
                && item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"))
            {
                self.found.exported_macros.insert(name.clone(), self.at.clone());
            }
            self.module().items.insert(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if let Some((_, items)) = &module.content {
            self.at.push(module.ident.to_string());
            self.open_module();
            for item in items {
                self.visit_item(item);
            }
            self.at.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.bind(&item.tree, &[]);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 {
            self.import(segments);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.visit_path(&invocation.path);
        self.scan(invocation.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
    }

    // `pub(in crate::web)` is no import.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}
