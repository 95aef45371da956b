//! A Rust file as its own grammar sees it.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::tree;

/// A parsed Rust file.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) tree: syn::File,
}

impl Source {
    pub(crate) fn read(file: &str) -> Self {
        let text = tree::text(file).unwrap_or_else(|| panic!("{file} is not UTF-8"));
        Self::parse(file, text)
    }

    fn parse(file: &str, text: String) -> Self {
        let tree = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        Self { file: file.to_owned(), text, tree }
    }

    /// All Rust files of the project, but for those that are meant not to compile.
    pub(crate) fn all() -> Vec<Self> {
        let files = tree::files();
        let rust = files.iter().filter(|file| file.ends_with(".rs"));
        rust.map(|file| Self::read(file)).collect()
    }

    /// What the limits speak of.
    pub(crate) fn facts(&self) -> Facts {
        let mut facts = Facts { in_test: tree::is_test(&self.file), ..Facts::default() };
        facts.visit_file(&self.tree);
        facts
    }
}

/// A function with its first line, its length, and the number of its parameters, `self` left out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) lines: usize,
    pub(crate) parameters: usize,
}

/// What the limits speak of, as found in a file.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) functions: Vec<Function>,
    /// Lines with `.unwrap()` outside tests.
    pub(crate) unwraps: Vec<usize>,
    /// Lines with `todo!`, `dbg!` or `unimplemented!`, and which.
    pub(crate) markers: Vec<(usize, String)>,
    /// Lines with an arm `_ =>` that stands for what could be listed, outside tests.
    pub(crate) wildcards: Vec<usize>,
    in_test: bool,
}

const MARKERS: [&str; 3] = ["todo", "dbg", "unimplemented"];

fn line(span: Span) -> usize {
    span.start().line
}

fn has_literal(pattern: &syn::Pat) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr_lit(&mut self, _: &'ast syn::ExprLit) {
            self.0 = true;
        }

        fn visit_expr_range(&mut self, _: &'ast syn::ExprRange) {
            self.0 = true;
        }
    }
    let mut search = Search(false);
    search.visit_pat(pattern);
    search.0
}

fn is_for_tests(attrs: &[syn::Attribute]) -> bool {
    attrs.iter().any(|attr| {
        let is_cfg_test = attr.path().is_ident("cfg")
            && attr.parse_args::<syn::Ident>().is_ok_and(|ident| ident == "test");
        is_cfg_test || attr.path().is_ident("test")
    })
}

impl Facts {
    fn function(&mut self, signature: &syn::Signature, whole: Span) {
        let typed = |input: &&syn::FnArg| matches!(input, syn::FnArg::Typed(_));
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line: line(signature.span()),
            lines: whole.end().line + 1 - line(signature.span()),
            parameters: signature.inputs.iter().filter(typed).count(),
        });
    }

    fn within(&mut self, attrs: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.in_test;
        self.in_test |= is_for_tests(attrs);
        visit(self);
        self.in_test = before;
    }

    /// What stands in a macro's parentheses is not parsed, but it can be looked through.
    fn look_through(&mut self, tokens: TokenStream) {
        let mut after_dot = false;
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) if after_dot && ident == "unwrap" && !self.in_test => {
                    self.unwraps.push(line(ident.span()));
                }
                TokenTree::Group(group) => self.look_through(group.stream()),
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
        }
    }
}

impl<'ast> Visit<'ast> for Facts {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within(&item.attrs, |facts| visit::visit_item_mod(facts, item));
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, item.span());
        self.within(&item.attrs, |facts| visit::visit_item_fn(facts, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, item.span());
        self.within(&item.attrs, |facts| visit::visit_impl_item_fn(facts, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.function(&item.sig, item.span());
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() && !self.in_test {
            self.unwraps.push(line(call.method.span()));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_match(&mut self, choice: &'ast syn::ExprMatch) {
        let wild = choice.arms.iter().find(|arm| matches!(arm.pat, syn::Pat::Wild(_)));
        // Numbers and texts cannot be listed to their end.
        let is_listed = !choice.arms.iter().any(|arm| has_literal(&arm.pat));
        if let Some(arm) = wild.filter(|_| is_listed && !self.in_test) {
            self.wildcards.push(line(arm.pat.span()));
        }
        visit::visit_expr_match(self, choice);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let last = call.path.segments.last().map(|segment| segment.ident.to_string());
        let marker = last.filter(|name| MARKERS.contains(&name.as_str()));
        self.markers.extend(marker.map(|name| (line(call.span()), name)));
        self.look_through(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

#[test]
fn the_facts_of_a_file_are_seen_where_they_are() {
    let text = "\
fn long(a: u8, b: u8) {
    a.unwrap();
    format!(\"{}\", b.unwrap());
    match a {
        _ => todo!(),
    }
    match a { 1 => {} _ => {} }
}
#[cfg(test)]
mod tests {
    #[test]
    fn short(&self, a: u8) { a.unwrap(); match a { _ => {} } }
}
";
    let facts = Source::parse("a.rs", text.to_owned()).facts();
    let function = |name: &str, line, lines, parameters| Function {
        name: name.to_owned(),
        line,
        lines,
        parameters,
    };
    assert_eq!(facts.functions, [function("long", 1, 8, 2), function("short", 12, 1, 1)]);
    assert_eq!(facts.unwraps, [2, 3]);
    assert_eq!(facts.markers, [(5, String::from("todo"))]);
    assert_eq!(facts.wildcards, [5]);
}
