//! Compiles `proto/genkit_sample.proto`, in Rust alone, and keeps its descriptors for reflection.

use std::error::Error;
use std::fs;
use std::path::Path;

use protox::Compiler;

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts where they are and where to write through it"
)]
fn main() -> Result<(), Box<dyn Error>> {
    // Asked for when it runs, not when it was compiled: a copy of the project may share the target folder.
    let protos = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let file = protos.join("genkit_sample.proto");
    println!("cargo::rerun-if-changed={}", file.display());
    let mut compiler = Compiler::new([&protos])?;
    compiler.include_source_info(true).include_imports(true).open_file(&file)?;
    let descriptors = Path::new(&std::env::var("OUT_DIR")?).join("descriptors.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        // How a client connects is its own business; ours bring tonic's channel.
        .build_transport(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
