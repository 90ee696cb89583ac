//! `atoll init`: a minimal `atoll.toml`, filled in as far as the folder tells.

use std::{fs, io::Write as _, path::Path};

use domain::FunctionName;
use serde_json::json;

use super::{args::Init, context::Context, failure::Failure, manifest::FILE};

pub(crate) fn init(context: &Context, args: Init) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        Failure::Usage(format!("{} cannot be written: {error}", path.display()))
    };
    fs::create_dir_all(&args.folder).map_err(|error| failed(&args.folder, error))?;
    let folder = args
        .folder
        .canonicalize()
        .map_err(|error| failed(&args.folder, error))?;
    let name = match args.name {
        Some(name) => name,
        None => named_after(&folder)?,
    };
    let tenant = context.options.tenant.as_ref().map(ToString::to_string);
    let built = built(&folder);
    let text = written(&name, tenant.as_deref(), &built);

    let path = args.folder.join(FILE);
    let file = fs::File::create_new(&path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| failed(&path, error))?;
    if context.out.json {
        return context.out.json(&json!({ "path": path, "function": name }));
    }
    if built.build.is_none() {
        context
            .out
            .note("Name in it the module, and the command that builds it.");
    }
    context.out.line(format!(
        "Wrote {}; `atoll deploy` makes `{name}` live.",
        path.display()
    ))
}

fn named_after(folder: &Path) -> Result<FunctionName, Failure> {
    let name = folder
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    function_name(&name.unwrap_or_default()).ok_or_else(|| {
        Failure::Usage(
            "the folder's name makes no function's name; give one with --name".to_owned(),
        )
    })
}

/// The name of a file or a folder in the alphabet of functions.
pub(crate) fn function_name(text: &str) -> Option<FunctionName> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric());
    let words: Vec<_> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    FunctionName::parse(&words.join("-")).ok()
}

/// How the module comes about.
struct Built {
    module: String,
    build: Option<String>,
}

fn built(folder: &Path) -> Built {
    let cargo = fs::read_to_string(folder.join("Cargo.toml")).ok();
    let cargo = cargo.and_then(|text| text.parse::<toml::Table>().ok());
    let package = cargo
        .as_ref()
        .and_then(|cargo| cargo.get("package")?.get("name")?.as_str());
    let Some(package) = package else {
        return Built {
            module: "app.wasm".to_owned(),
            build: None,
        };
    };
    // A library's file is named as its crate, a program's as its package.
    let is_library = folder.join("src/lib.rs").exists();
    let file = if is_library {
        package.replace('-', "_")
    } else {
        package.to_owned()
    };
    Built {
        module: format!("target/wasm32-wasip2/release/{file}.wasm"),
        build: Some("cargo build --release --target wasm32-wasip2".to_owned()),
    }
}

fn written(name: &FunctionName, tenant: Option<&str>, built: &Built) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let tenant = match tenant {
        Some(tenant) => format!("tenant = {}", quoted(tenant)),
        None => "# tenant = \"acme\"".to_owned(),
    };
    let build = match &built.build {
        Some(build) => format!("build = {}", quoted(build)),
        None => "# build = \"make\"".to_owned(),
    };
    format!(
        "{tenant}\n\n\
         [function]\n\
         name = {}\n\
         module = {}\n\
         {build}\n\
         # What is left out stays as it is on the server.\n\
         # description = \"\"\n\
         # access = \"public\"\n\
         # allowed_outbound_hosts = [\"https://api.example.com\"]\n\
         # limits = {{ cpu_ms = 200, concurrency = 50 }}\n",
        quoted(name.as_str()),
        quoted(&built.module),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::manifest::Manifest;

    #[test]
    fn a_file_or_folder_gives_its_name_where_it_can() {
        let name = |text: &str| function_name(text).map(|name| name.to_string());
        assert_eq!(name("my_Shop.v2").as_deref(), Some("my-shop-v2"));
        assert_eq!(name("--a--b--").as_deref(), Some("a-b"));
        assert_eq!(name("ä"), None);
        assert_eq!(name(&"a".repeat(25)), None);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("Cargo.toml"),
            "[package]\nname = \"my-shop\"\n",
        )
        .unwrap();
        let name = FunctionName::parse("shop").unwrap();
        let path = folder.path().join(FILE);
        for (tenant, module) in [
            (Some("acme"), "target/wasm32-wasip2/release/my-shop.wasm"),
            (None, "target/wasm32-wasip2/release/my_shop.wasm"),
        ] {
            fs::write(&path, written(&name, tenant, &built(folder.path()))).unwrap();
            let read = Manifest::find(Some(&path)).unwrap().unwrap();
            assert_eq!(read.function.module, Path::new(module));
            assert_eq!(
                read.tenant.map(|tenant| tenant.to_string()).as_deref(),
                tenant
            );
            fs::create_dir_all(folder.path().join("src")).unwrap();
            fs::write(folder.path().join("src/lib.rs"), "").unwrap();
        }
    }
}
