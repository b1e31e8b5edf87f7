//! `suimon attest`: how a system's requirements stand, for people and for other tools.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use catalogue::coverage::{CategoryCounts, Coverage, ItemCoverage, NotApplicable, Standing, Uncounted};
use catalogue::{Imported, Limits, ModelSystem, Scheme, export, import, shipped};
use clap::{Args, ValueEnum};

use super::{Context, Failure, output};
use crate::requirements::{Against, Covered};
use crate::{access, requirements};

/// Shows which items of a catalogue the requirements of a system answer, or writes them for other tools.
#[derive(Args)]
pub struct Arguments {
    form: Form,
    /// Name of the system.
    #[arg(long, value_name = "KEY")]
    system: String,
    /// For `coverage`: which catalogue.
    #[arg(long, value_enum, default_value = "ipa-nfrg")]
    catalogue: Known,
    /// Your own copy of the catalogue: IPA's sheet (.xls, .xlsx), secreq (.xlsx), ASVS (.json). It is read, not kept. Without it,
    /// `coverage` goes by the newest copy that is kept (`suimon import --catalogue`), else by the ids that come with Suimon.
    #[arg(long, value_name = "FILE")]
    copy: Option<PathBuf>,
    /// The model system whose levels of the copy are wanted.
    #[arg(long, value_enum)]
    model: Option<Model>,
    /// Items that are answered, too; without it those that want work.
    #[arg(long)]
    all: bool,
    /// Into this file, which must not be there yet; without it to the terminal.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Whose permissions decide.
    #[arg(long = "as", value_name = "LOGIN", default_value = "admin")]
    login: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// What is answered and what nobody thought of.
    Coverage,
    /// CycloneDX 1.6 attestations, JSON.
    Cyclonedx,
    /// OpenSLO v1, YAML: requirements with an objective.
    Openslo,
    /// CSV in the columns of IPA's sheet.
    Sheet,
}

#[derive(Clone, Copy, ValueEnum)]
enum Known {
    IpaNfrg,
    OwaspSecreqJa,
    Asvs,
    Iso25010,
}

#[derive(Clone, Copy, ValueEnum)]
enum Model {
    Low,
    Middle,
    High,
}

pub async fn run(context: &Context, arguments: Arguments) -> Result<ExitCode, Failure> {
    let Arguments { form, system, catalogue, copy, model, all, into, login } = arguments;
    let scheme = catalogue.into();
    let copy = copy.as_deref().map(read).transpose()?;
    let catalogue = match &copy {
        Some(imported) if imported.catalogue.scheme() == scheme => &imported.catalogue,
        Some(imported) => {
            let is = imported.catalogue.scheme();
            return Err(Failure::usage(format!("--copy is a copy of {is}; add --catalogue {is}")));
        }
        None => shipped(scheme)
            .ok_or_else(|| Failure::usage(format!("no ids of {scheme} are shipped; give your own --copy")))?,
    };
    let model = model.map(ModelSystem::from);
    if model.is_some() && copy.is_none() && matches!(form, Form::Sheet) {
        return Err(Failure::usage("--model: what is shipped has no levels; give your own --copy"));
    }
    let app = context.open().await?;
    let op = access::act_locally(&app, &login).await?;
    let unfit = |error: export::ExportError| Failure::usage(error.to_string());
    let (written, skipped) = match form {
        Form::Coverage => {
            let against = match &copy {
                Some(copy) => Against::Given(Box::new(copy.catalogue.clone())),
                None => Against::Newest(scheme),
            };
            let found = requirements::catalogue_coverage(&op, &system, against, model).await?;
            (table(&found, all).into_bytes(), Vec::new())
        }
        Form::Cyclonedx => {
            let attested = requirements::attested(&op, &system).await?;
            (export::cyclonedx(&attested).map_err(unfit)?.into_bytes(), Vec::new())
        }
        Form::Openslo => {
            let exported = export::openslo(&requirements::attested(&op, &system).await?).map_err(unfit)?;
            (exported.to_yaml().map_err(unfit)?.into_bytes(), exported.skipped)
        }
        // A kept copy's words leave in no file: only those of a copy that is given do.
        Form::Sheet => {
            let attested = requirements::attested(&op, &system).await?;
            (export::sheet_csv(&attested, catalogue, model).map_err(unfit)?, Vec::new())
        }
    };
    for note in copy.iter().flat_map(|copy| &copy.notes) {
        output::complain(&note.to_string());
    }
    for export::Skipped { requirement, reason } in skipped {
        output::complain(&format!("{requirement} is left out: {reason}"));
    }
    match into {
        None => output::print(&String::from_utf8_lossy(&written)),
        Some(path) => {
            let wrong =
                |error| Failure::usage(format!("--into {}: cannot be written ({error})", path.display()));
            File::create_new(&path).and_then(|mut file| file.write_all(&written)).map_err(wrong)?;
            output::line(&path.display().to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> Result<Imported, Failure> {
    let bytes = bytes(path, "--copy")?;
    import(&bytes, &Limits::default())
        .map_err(|error| Failure::usage(format!("--copy {}: {error}", path.display())))
}

/// The bytes of a copy of a catalogue, which `named` names in errors.
pub(super) fn bytes(path: &Path, named: &str) -> Result<Vec<u8>, Failure> {
    let wrong = |error| Failure::usage(format!("{named} {}: cannot be read ({error})", path.display()));
    let file = File::open(path).map_err(wrong)?;
    let mut bytes = Vec::new();
    // One more than is taken: then the reader of catalogues says that it is too large.
    let most = Limits::default().file_bytes as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(bytes)
}

fn table(covered: &Covered, all: bool) -> String {
    let Covered { catalogue, copy, coverage } = covered;
    let mut out = format!("{} {}\n", catalogue.scheme().title(), catalogue.version());
    if let Some(copy) = copy {
        out += &format!("by your own copy of {} ({})\n", copy.imported_at.strftime("%F"), copy.digest);
    }
    out += "            answered (checked)  partly  derived  excepted  failing   open  n/a   of\n";
    let mut row = |name: &str, counts: &catalogue::coverage::Counts| {
        out += &format!(
            "{name:<12}{:>8} {:>9} {:>8} {:>8} {:>9} {:>8} {:>6} {:>4} {:>4}\n",
            counts.satisfied,
            format!("({})", counts.checked),
            counts.partial,
            counts.derived_only,
            counts.excepted,
            counts.failing,
            counts.not_covered,
            counts.not_applicable,
            counts.total()
        );
    };
    for CategoryCounts { category, all, important } in coverage.categories.iter().chain([&coverage.total]) {
        let category = if category.is_empty() { "all" } else { category };
        row(category, all);
        if important.total() > 0 {
            row(&format!("  {category} ★"), important);
        }
    }
    out += "\n";
    for item in
        coverage.items.iter().filter(|item| all || item.standing != Standing::Satisfied || !item.checked)
    {
        let ItemCoverage { ids, important, standing, level, wanted_level, requirements, failing, .. } = item;
        // What nobody cites and is not important would drown the rest.
        if !all && *standing == Standing::NotCovered && !important {
            continue;
        }
        // Told below, a whole group at once.
        if !all && *standing == Standing::NotApplicable {
            continue;
        }
        let known = ids.first().and_then(|id| catalogue.item(id));
        let label = known.and_then(|item| item.label.as_ref());
        let label = label.map(|label| format!("{} / {}", label.ja, label.en));
        // What only the copy has goes by the copy's own words.
        let title = || known.and_then(|item| item.text.as_ref()).map(|text| one_line(&text.name));
        let label = label.or_else(title).unwrap_or_default();
        let level = match (level, wanted_level) {
            (Some(level), Some(wanted)) => format!(" level {level} of {wanted}"),
            (Some(level), None) => format!(" level {level}"),
            (None, Some(wanted)) => format!(" wants level {wanted}"),
            (None, None) => String::new(),
        };
        let by =
            if requirements.is_empty() { String::new() } else { format!(" by {}", requirements.join(", ")) };
        let broken =
            if failing.is_empty() { String::new() } else { format!("; broken: {}", failing.join(", ")) };
        let star = if *important { "★" } else { " " };
        out += &format!(
            "{star} {:<22} {}{level}{by}{broken}  {label}\n",
            ids.join(" = "),
            word(*standing, item.checked)
        );
    }
    if !coverage.is_complete {
        out += "\nNot all items of this catalogue are known here; --copy reads your own.\n";
    }
    for (stated, items) in exempt(coverage) {
        let NotApplicable { reference, reason, approver } = stated;
        let by = approver.as_ref().map_or_else(String::new, |approver| format!(" ({approver})"));
        let (ja, en) = (on_one_line(&reason.ja), on_one_line(&reason.en));
        out += &format!("not applicable: {reference}, {items} item(s){by}: {ja} / {en}\n");
    }
    for Uncounted { reference, requirement, .. } in &coverage.uncounted {
        let by = requirement.as_deref().map_or_else(|| "`notApplicable`".to_owned(), str::to_owned);
        out += &format!("not counted: {reference} of {by}\n");
    }
    out
}

/// The statements that items do not apply, in the order of the catalogue, with how many items each speaks of.
fn exempt(coverage: &Coverage) -> Vec<(&NotApplicable, usize)> {
    let mut found: Vec<(&NotApplicable, usize)> = Vec::new();
    for stated in coverage.items.iter().filter_map(|item| item.not_applicable.as_ref()) {
        match found.iter_mut().find(|(known, _)| *known == stated) {
            Some((_, items)) => *items += 1,
            None => found.push((stated, 1)),
        }
    }
    found
}

fn one_line(text: &str) -> String {
    on_one_line(text).chars().take(80).collect()
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn word(standing: Standing, checked: bool) -> &'static str {
    match standing {
        Standing::Failing => "failing",
        Standing::NotCovered => "open",
        Standing::DerivedOnly => "derived only",
        Standing::Partial => "partly",
        Standing::Excepted => "excepted",
        Standing::NotApplicable => "not applicable",
        Standing::Satisfied if checked => "answered, checked",
        Standing::Satisfied => "answered, not checked",
    }
}

impl From<Known> for Scheme {
    fn from(known: Known) -> Self {
        match known {
            Known::IpaNfrg => Self::IpaNfrg,
            Known::OwaspSecreqJa => Self::OwaspSecreqJa,
            Known::Asvs => Self::Asvs,
            Known::Iso25010 => Self::Iso25010,
        }
    }
}

impl From<Model> for ModelSystem {
    fn from(model: Model) -> Self {
        match model {
            Model::Low => Self::Low,
            Model::Middle => Self::Middle,
            Model::High => Self::High,
        }
    }
}
