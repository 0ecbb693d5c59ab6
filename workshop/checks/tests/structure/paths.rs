//! The paths that code names.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, Macro};

/// A path, as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// It stands in a `pub use`.
    pub(crate) is_reexport: bool,
}

/// The paths of an item that is neither a module nor a `use`.
pub(crate) fn of_item(item: &Item, named: &mut Vec<Named>) {
    Collector(named).visit_item(item);
}

struct Collector<'a>(&'a mut Vec<Named>);

impl Collector<'_> {
    fn push(&mut self, path: Vec<String>, line: usize) {
        self.0.push(Named { path, line, is_reexport: false });
    }

    /// Paths in what a macro is given, which is not parsed: names with `::` between them.
    fn push_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        let end = TokenTree::from(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone));
        for token in tokens.into_iter().chain([end]) {
            match &token {
                TokenTree::Punct(it) if it.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(it) if colons == 2 && !path.is_empty() => path.push(it.to_string()),
                _ => {
                    if !path.is_empty() {
                        self.push(std::mem::take(&mut path), line);
                    }
                    if let TokenTree::Ident(it) = &token {
                        line = it.span().start().line;
                        path.push(it.to_string());
                    }
                }
            }
            colons = 0;
            if let TokenTree::Group(it) = token {
                self.push_tokens(it.stream());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let line = first.ident.span().start().line;
            self.push(path.segments.iter().map(|it| it.ident.to_string()).collect(), line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast Macro) {
        self.visit_path(&it.path);
        self.push_tokens(it.tokens.clone());
    }

    fn visit_item_use(&mut self, it: &'ast syn::ItemUse) {
        // Inside a function. Its own names are not known to the module, but where they come from is.
        let tokens = quote::ToTokens::to_token_stream(&it.tree);
        self.push_tokens(tokens);
    }

    /// `pub(crate)` names nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    /// Attributes name macros, which are no code of ours, and lints.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(it) => &it.attrs,
            ImplItem::Const(it) => &it.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }
}

/// Whether it is compiled for tests alone.
pub(crate) fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|it| {
        let is_cfg = it.path().is_ident("cfg");
        let is_test = it.parse_args::<syn::Path>().is_ok_and(|it| it.is_ident("test"));
        (is_cfg && is_test) || it.path().is_ident("test")
    })
}
