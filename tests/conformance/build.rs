//! Compiles `proto/test_flows.proto` where gRPC is compiled in, as `adapters/grpc/build.rs` does its own.

use std::error::Error;

#[cfg(feature = "grpc")]
#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts where they are and where to write through it"
)]
fn protos() -> Result<(), Box<dyn Error>> {
    use std::path::Path;

    let protos = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("proto");
    let file = protos.join("test_flows.proto");
    println!("cargo::rerun-if-changed={}", file.display());
    let mut compiler = protox::Compiler::new([&protos])?;
    compiler.include_source_info(true).include_imports(true).open_file(&file)?;
    let descriptors = Path::new(&std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(descriptors, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure().build_transport(false).compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "grpc")]
    protos()?;
    Ok(())
}
