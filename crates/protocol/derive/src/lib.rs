//! `#[derive(Read, Write)]`: a message of the protocol from and to the values that a port carries.
//!
//! The shape is that of serde's derives, from which the TypeScript is generated: a struct is a record of its
//! fields; a variant without content is its name, any other a record with that one field. Of serde's
//! attributes `untagged` counts, on a variant that is written as a list and never read.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Code;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Field, Fields, FieldsNamed, Index, Variant, parse_quote};

/// Derives `epode_protocol::port::Read` for structs and enums. Several values without names are not read.
#[proc_macro_derive(Read)]
pub fn read(item: TokenStream) -> TokenStream {
    derive(item, |mut item| {
        let (variants, read) = match &item.data {
            Data::Struct(data) => (String::new(), read_fields(&data.fields, quote!(Self))?),
            Data::Enum(data) => read_enum(data.variants.iter())?,
            Data::Union(_) => return Err("a union has no shape in the protocol"),
        };
        for parameter in item.generics.type_params_mut() {
            parameter.bounds.push(parse_quote!(::epode_protocol::port::Read<V_>));
        }
        let of = item.generics.clone();
        item.generics.params.push(parse_quote!(V_: ::epode_protocol::port::Value));
        let (name, (generics, _, bounds), (_, of, _)) =
            (&item.ident, item.generics.split_for_impl(), of.split_for_impl());
        Ok(quote! {
            impl #generics ::epode_protocol::port::Read<V_> for #name #of #bounds {
                const VARIANTS: &'static str = #variants;

                fn read(value: &V_) -> Result<Self, ::epode_protocol::port::Wrong> {
                    #read
                }
            }
        })
    })
}

/// Derives `epode_protocol::port::Write` for structs and enums.
#[proc_macro_derive(Write)]
pub fn write(item: TokenStream) -> TokenStream {
    derive(item, |mut item| {
        let write = match &item.data {
            Data::Struct(data) => write_struct(&data.fields),
            Data::Enum(data) => write_enum(data.variants.iter()),
            Data::Union(_) => return Err("a union has no shape in the protocol"),
        };
        for parameter in item.generics.type_params_mut() {
            parameter.bounds.push(parse_quote!(::epode_protocol::port::Write<W_>));
        }
        let of = item.generics.clone();
        item.generics.params.push(parse_quote!(W_: ::epode_protocol::port::Writer));
        let (name, (generics, _, bounds), (_, of, _)) =
            (&item.ident, item.generics.split_for_impl(), of.split_for_impl());
        Ok(quote! {
            impl #generics ::epode_protocol::port::Write<W_> for #name #of #bounds {
                fn write(&self, at: &'static str, to: &mut W_) {
                    #write
                }
            }
        })
    })
}

fn derive(item: TokenStream, code: impl FnOnce(DeriveInput) -> Result<Code, &'static str>) -> TokenStream {
    let item = syn::parse_macro_input!(item as DeriveInput);
    let name = item.ident.clone();
    let refusal = |reason| syn::Error::new_spanned(name, reason).into_compile_error();
    code(item).unwrap_or_else(refusal).into()
}

/// The names of these variants, and the code that reads `value` as a variant.
fn read_enum<'a>(variants: impl Iterator<Item = &'a Variant>) -> Result<(String, Code), &'static str> {
    let mut names = String::new();
    let mut arms = Code::new();
    for (index, variant) in variants.filter(|variant| !has(&variant.attrs, "untagged")).enumerate() {
        names += if index == 0 { "" } else { " " };
        names += &variant.ident.to_string();
        let ident = &variant.ident;
        if matches!(variant.fields, Fields::Unit) {
            arms.extend(quote!(Some((#index, None)) => Ok(Self::#ident),));
        } else {
            let read = read_fields(&variant.fields, quote!(Self::#ident))?;
            arms.extend(quote!(Some((#index, Some(value))) => { let value = &value; #read }));
        }
    }
    let read = quote! {
        match value.variant(<Self as ::epode_protocol::port::Read<V_>>::VARIANTS) {
            #arms
            _ => Err(::epode_protocol::port::Wrong::default()),
        }
    };
    Ok((names, read))
}

/// Reads `value` as these fields.
fn read_fields(fields: &Fields, of: Code) -> Result<Code, &'static str> {
    match fields {
        Fields::Named(FieldsNamed { named, .. }) => {
            let names: Vec<_> = named.iter().filter_map(|field| field.ident.as_ref()).collect();
            let words = names.iter().map(|name| name.to_string());
            Ok(quote! {
                let record = ::epode_protocol::port::Record::of(value)?;
                Ok(#of { #(#names: record.field(#words)?,)* })
            })
        }
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            Ok(quote!(Ok(#of(::epode_protocol::port::Read::read(value)?))))
        }
        Fields::Unnamed(_) | Fields::Unit => Err("what has several values without names cannot be read"),
    }
}

fn write_struct(fields: &Fields) -> Code {
    let members = fields.iter().enumerate().map(|(index, field)| match &field.ident {
        Some(name) => quote!(&self.#name),
        None => {
            let index = Index::from(index);
            quote!(&self.#index)
        }
    });
    write_fields(fields, members)
}

fn write_enum<'a>(variants: impl Iterator<Item = &'a Variant>) -> Code {
    let mut arms = Code::new();
    for variant in variants {
        let (ident, name) = (&variant.ident, variant.ident.to_string());
        let bound: Vec<_> = variant.fields.iter().enumerate().map(bind).collect();
        let members = bound.iter().map(|name| quote!(#name));
        let content = write_fields(&variant.fields, members);
        let fields = variant.fields.iter().enumerate().map(|(index, field)| match &field.ident {
            Some(name) => quote!(#name),
            None => {
                let index = Index::from(index);
                quote!(#index)
            }
        });
        let pattern = quote!(Self::#ident { #(#fields: #bound),* });
        arms.extend(match &variant.fields {
            Fields::Unit => quote!(Self::#ident => to.text(at, #name),),
            _ if has(&variant.attrs, "untagged") => quote!(#pattern => { #content }),
            _ => quote!(#pattern => {
                to.record(at);
                let at = #name;
                #content
                to.close();
            }),
        });
    }
    quote!(match self { #arms })
}

/// The code that writes these members: named ones as a record, a single one as itself, several as a list.
fn write_fields(fields: &Fields, members: impl Iterator<Item = Code>) -> Code {
    if matches!(fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1) {
        return quote!(#(::epode_protocol::port::Write::write(#members, at, to);)*);
    }
    let names = fields.iter().map(|field| field.ident.as_ref().map(ToString::to_string).unwrap_or_default());
    let open = if matches!(fields, Fields::Named(_)) { quote!(record) } else { quote!(list) };
    quote! {
        to.#open(at);
        #(::epode_protocol::port::Write::write(#members, #names, to);)*
        to.close();
    }
}

fn bind((index, _): (usize, &Field)) -> syn::Ident {
    format_ident!("field_{index}")
}

fn has(attributes: &[Attribute], word: &str) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("serde")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|ident| ident == word)
    })
}
