//! The sizes of the files that a browser loads.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The bytes of a file, as built and as servers send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// The file's name.
    pub file: String,
    /// Uncompressed.
    pub raw: usize,
    /// gzip, level 9.
    pub gzip: usize,
    /// brotli, quality 11, window 22.
    pub brotli: usize,
}

/// Files whose sum must stay below a number of bytes, compressed with brotli.
struct Budget {
    what: &'static str,
    files: &'static [&'static str],
    bytes: usize,
}

const BUDGETS: &[Budget] = &[
    Budget { what: "the worker", files: &["epode-worker.js", "epode-worker.wasm"], bytes: 185_000 },
    Budget { what: "the worker in one file", files: &["epode-worker.inline.js"], bytes: 188_000 },
    Budget { what: "what a page loads", files: &["epode.js"], bytes: 42_000 },
];

impl Size {
    /// Measures one file's content.
    pub fn of(file: String, content: &[u8]) -> Result<Self> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(content)?;
        let mut brotli = Vec::new();
        let parameters = brotli::enc::BrotliEncoderParams::default();
        brotli::BrotliCompress(&mut &*content, &mut brotli, &parameters)?;
        Ok(Self { file, raw: content.len(), gzip: gzip.finish()?.len(), brotli: brotli.len() })
    }
}

/// Measures the scripts and modules in a folder, in the order of their names.
pub fn measure(folder: &Path) -> Result<Vec<Size>> {
    let mut sizes = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        let loaded = path.extension().is_some_and(|extension| extension == "js" || extension == "wasm");
        let Some(name) = path.file_name().filter(|_| loaded) else { continue };
        sizes.push(Size::of(name.to_string_lossy().into_owned(), &fs::read(&path)?)?);
    }
    sizes.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(sizes)
}

/// Sizes as a Markdown table.
pub fn table(sizes: &[Size]) -> String {
    let width = sizes.iter().map(|size| size.file.len()).max().unwrap_or_default().max(5);
    let mut table = format!("| {:width$} | {:>9} | {:>9} | {:>9} |\n", "bytes", "raw", "gzip", "brotli");
    let _ = writeln!(table, "|-{0:-<width$}-|{0:->10}:|{0:->10}:|{0:->10}:|", "");
    for Size { file, raw, gzip, brotli } in sizes {
        let _ = writeln!(table, "| {file:width$} | {raw:>9} | {gzip:>9} | {brotli:>9} |");
    }
    table
}

/// An error if files of a budget are missing or exceed that budget.
pub fn check_budgets(sizes: &[Size]) -> Result<()> {
    let mut broken = Vec::new();
    for budget in BUDGETS {
        let mut sum = 0;
        for file in budget.files {
            let size = sizes.iter().find(|size| size.file == *file);
            sum += size.with_context(|| format!("{file} has not been built"))?.brotli;
        }
        if sum > budget.bytes {
            let files = budget.files.join(" + ");
            broken.push(format!(
                "{} ({files}) is {sum} bytes of brotli, its budget is {}",
                budget.what, budget.bytes
            ));
        }
    }
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(of: &[(&str, usize)]) -> Vec<Size> {
        of.iter().map(|&(file, brotli)| Size { file: file.into(), raw: 0, gzip: 0, brotli }).collect()
    }

    #[test]
    fn a_file_is_measured_as_servers_send_it() -> Result<()> {
        let size = Size::of("a.js".into(), "epode ".repeat(1000).as_bytes())?;
        assert_eq!(size.raw, 6000);
        assert!(size.brotli > 0 && size.brotli < size.gzip && size.gzip < 100, "{size:?}");
        Ok(())
    }

    #[test]
    fn the_sum_of_the_files_counts_against_the_budget() {
        let page = [("epode.js", 10), ("epode-worker.inline.js", 10), ("epode-worker.js", 20_000)];
        let check = |worker| {
            let mut all = sizes(&page);
            all.extend(sizes(&[("epode-worker.wasm", worker)]));
            check_budgets(&all).map_err(|error| error.to_string())
        };
        assert_eq!(check(165_000), Ok(()));
        let error = "the worker (epode-worker.js + epode-worker.wasm) is 185001 bytes of brotli, \
                     its budget is 185000";
        assert_eq!(check(165_001), Err(error.to_owned()));
    }

    #[test]
    fn a_missing_file_breaks_the_budget() {
        let error = check_budgets(&sizes(&[("epode.js", 1)])).map_err(|error| error.to_string());
        assert_eq!(error, Err("epode-worker.js has not been built".to_owned()));
    }
}
