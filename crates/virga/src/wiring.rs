//! Which services there are, and what each brings along.

use base::{Clock, Rng};
use blob::Blobs;
use database::dynamodb;
use ec2::plane::DataPlane;
use integration::{events, pipes, scheduler, sns, sqs};
use kernel::meter::{Gauge, Tariff};
use kernel::outbound::{Client, Trust};
use kernel::reconcile::Reconciler;
use kernel::{Cloud, Parts, Service, Settings};
use security::iam::delegation::work::DelegationLife;
use security::iam::directory::IamDirectory;
use security::iam::last_used::{LastUsed, WriteLastUsed};
use security::kms::usage::WriteUsages;
use security::kms::work::KeyLife;
use std::sync::Arc;
use store::{Store, StoreError};

/// The services that are built, in the order in which people read them.
pub fn services() -> Vec<&'static Service> {
    vec![
        &security::iam::IAM,
        &security::sts::STS,
        &security::organizations::ORGANIZATIONS,
        &security::kms::KMS,
        &security::accessanalyzer::ACCESS_ANALYZER,
        &management::cloudformation::CLOUDFORMATION,
        &management::cloudtrail::CLOUDTRAIL,
        &management::cloudwatch::CLOUDWATCH,
        &management::logs::LOGS,
        &management::ssm::SSM,
        &dynamodb::DYNAMODB,
        &sqs::SQS,
        &sns::SNS,
        &events::EVENTS,
        &scheduler::SCHEDULER,
        &pipes::PIPES,
        &dynamodb::streams::DYNAMODBSTREAMS,
        &storage::s3::S3,
        &storage::s3::S3_CONTROL,
        &storage::glacier::GLACIER,
        &EC2,
        &storage::ebs::direct::EBS,
        &compute::lambda::LAMBDA,
        &compute::autoscaling::AUTOSCALING,
        &compute::ecr::ECR,
        &compute::fis::FIS,
    ]
}

/// The rooms that serve EC2's API, and how many tables they have.
const EC2_TABLES: &[&[&[kernel::Op]]] =
    &[ec2::TABLES, network::vpc::TABLES, compute::ec2::TABLES, storage::ebs::TABLES];
const EC2_COUNT: usize =
    ec2::TABLES.len() + network::vpc::TABLES.len() + compute::ec2::TABLES.len() + storage::ebs::TABLES.len();

/// One wire service of several rooms.
static EC2: Service = Service { id: "ec2", global: false, ops: &kernel::op::join::<EC2_COUNT>(EC2_TABLES) };

/// What networks and machines are made of.
#[derive(Debug)]
pub struct Ground {
    pub networks: DataPlane,
    /// Where machines keep their disks; `None` where they have none, being simulated.
    pub machines: Option<std::path::PathBuf>,
    /// Where functions' code is unpacked; `None` likewise.
    pub functions: Option<std::path::PathBuf>,
    /// Below it, folders may be functions' code that changes.
    pub hot: Option<std::path::PathBuf>,
    /// The way from machines to the cloud, and whom they are to trust there.
    pub front: Arc<ec2::front::Door>,
    pub authority: Arc<compute::ec2::work::Trust>,
    /// The way from functions to the cloud.
    pub door: Arc<compute::lambda::workshop::Door>,
    /// By whom endpoints on this machine are called.
    pub client: Arc<Client>,
}

/// A cloud over an open store, with every built service; its networks are simulated.
///
/// # Errors
/// When the store cannot be read.
pub fn cloud(
    store: Store,
    blobs: Arc<dyn Blobs>,
    clock: Clock,
    rng: Rng,
    master: &[u8; 32],
    settings: Settings,
) -> Result<Arc<Cloud>, StoreError> {
    cloud_on(simulated(), store, blobs, clock, rng, master, settings)
}

/// Networks that are no real ones, and nobody who is trusted.
pub fn simulated() -> Ground {
    Ground {
        networks: DataPlane::new(Box::new(|| Ok(Arc::new(host::Simulator::new())))),
        machines: None,
        functions: None,
        hot: None,
        front: Arc::default(),
        authority: compute::ec2::work::Trust::nobody(),
        door: Arc::default(),
        client: Client::new(Trust::nobody()),
    }
}

/// The data plane in a host process, which is this program again; started when it is first needed.
pub fn real_networks() -> DataPlane {
    DataPlane::new(Box::new(|| {
        let program = std::env::current_exe();
        let program =
            program.map_err(|why| host::HostError::Unable(format!("where is this program? {why}")))?;
        let mut command = std::process::Command::new(program);
        command.arg("host");
        Ok(Arc::new(host::Linux::start(command)?))
    }))
}

/// The same with a data plane of the caller's choice.
///
/// # Errors
/// When the store cannot be read.
pub fn cloud_on(
    ground: Ground,
    store: Store,
    blobs: Arc<dyn Blobs>,
    clock: Clock,
    rng: Rng,
    master: &[u8; 32],
    settings: Settings,
) -> Result<Arc<Cloud>, StoreError> {
    let networks = Arc::new(ground.networks);
    let functions = compute::lambda::workshop::Ground {
        plane: Arc::clone(&networks),
        folder: ground.functions,
        hot: ground.hot,
        door: ground.door,
        authority: Arc::clone(&ground.authority),
    };
    let last_used = Arc::new(LastUsed::default());
    let directory = Arc::new(IamDirectory::new(master, &store, Arc::clone(&last_used)));
    let own: Work = vec![
        Arc::new(KeyLife),
        Arc::<security::kms::meter::Meters>::default(),
        Arc::new(WriteUsages),
        Arc::new(DelegationLife),
        Arc::new(WriteLastUsed(last_used)),
        Arc::new(ec2::token::ForgetTokens),
        Arc::new(network::vpc::work::NetworkLife),
        Arc::new(network::vpc::plane::KeepNetworks::new(Arc::clone(&networks), ground.front)),
        Arc::new(network::vpc::flows::RecordFlows(Arc::clone(&networks))),
        Arc::new(network::vpc::flows::deliver::DeliverFlows),
        Arc::new(network::vpc::meter::Meters::new(Arc::clone(&networks))),
        Arc::new(storage::ebs::Plugs::new(Arc::clone(&networks))),
        Arc::new(compute::ec2::image::work::Images::new(ground.machines.clone())),
        Arc::new(compute::ec2::replace::work::Replacements::new(ground.machines.clone())),
        Arc::new(compute::ec2::meter::Meters::new(Arc::clone(&networks))),
        Arc::new(compute::ec2::work::Machines::new(networks, ground.machines, ground.authority)),
        Arc::new(compute::ec2::spot::work::SpotRequests),
        Arc::new(compute::ec2::reservation::work::Reservations),
        Arc::new(compute::ec2::fleet::work::Fleets),
        Arc::new(compute::fis::work::Experiments),
        Arc::new(compute::autoscaling::work::Keep),
        Arc::new(compute::autoscaling::work::metrics::Measure),
        Arc::new(compute::autoscaling::work::schedule::Actions),
        Arc::new(compute::lambda::work::Events(functions.clone())),
        Arc::new(compute::lambda::work::Idle(functions.clone())),
        Arc::new(compute::lambda::image::work::Images(functions.clone())),
        Arc::new(compute::lambda::provision::Provisions(functions.clone())),
        Arc::new(compute::lambda::network::Networks),
        Arc::new(compute::lambda::mapping::Mappings),
    ];
    let parts = Parts {
        services: services(),
        directory,
        reconcilers: [own, work(ground.client)].concat(),
        subscribers: vec![Arc::new(events::work::OwnEvents)],
        recorder: Some(&management::cloudtrail::Records),
        sagas: vec![&security::organizations::create::CREATE_ACCOUNT],
        sites: sites(),
        witnesses: vec![Arc::new(storage::s3::watched::Requests::default())],
        tariffs: TARIFFS.to_vec(),
        gauges: gauges(),
        gates: vec![&ec2::fault::Injected],
        blobs,
    };
    let cloud = Cloud::new(store, clock, rng, master, settings, parts)?;
    // Before the first reconciler runs there may be calls.
    cloud.memory::<compute::lambda::workshop::Workshop>().set(&functions);
    doors(&cloud);
    Ok(cloud)
}

/// Who answers before a request is taken for an API's.
fn sites() -> Vec<Arc<dyn kernel::site::Site>> {
    vec![
        // By host name alone, whatever is asked there.
        Arc::new(compute::lambda::url::Urls),
        Arc::new(compute::lambda::link::Links),
        Arc::new(security::sts::discovery::Issuers),
        Arc::new(storage::s3::sites::Website),
        Arc::new(storage::s3::sites::Cors),
        Arc::new(database::dynamodb::door::Door),
        Arc::new(storage::s3::form::Forms),
        Arc::new(sns::site::Links),
        Arc::new(compute::ecr::site::Registries),
        Arc::new(management::cloudformation::site::Responses),
    ]
}

/// By what the rooms of EC2's API reach each other.
fn doors(cloud: &Cloud) {
    use storage::ebs::{as_root, for_launch, spare};
    cloud.memory::<ec2::disk::Shop>().set(for_launch, spare, as_root);
    cloud.memory::<ec2::backing::Shelves>().set(&storage::ebs::Backing);
    let sockets = cloud.memory::<ec2::served::Sockets>();
    sockets.set(network::vpc::served::make, network::vpc::served::unmake);
}

/// The services that count each request, for bills or for CloudWatch.
const TARIFFS: &[&dyn Tariff] = &[
    &storage::s3::usage::requests::Requests,
    &sqs::requests::Requests,
    &sns::requests::Requests,
    &security::kms::requests::Requests,
    &dynamodb::vitals::Requests("dynamodb"),
    &dynamodb::vitals::Requests("dynamodbstreams"),
];

/// What is paid for as long as it stands.
fn gauges() -> Vec<Arc<dyn Gauge>> {
    vec![
        Arc::new(storage::s3::usage::stored::Stored),
        Arc::new(dynamodb::metering::Standing),
        Arc::new(compute::lambda::billing::Standing),
        Arc::new(compute::ec2::billing::Running),
        Arc::new(compute::ec2::reservation::work::Unused),
        Arc::new(network::vpc::billing::Standing),
        Arc::new(storage::ebs::billing::Volumes),
        Arc::new(storage::ebs::billing::Snapshots),
        Arc::new(security::kms::billing::Kept),
    ]
}

/// What a service does by itself.
type Work = Vec<Arc<dyn Reconciler>>;

/// Of all services that need nothing of the ground, or by whom endpoints are called.
fn work(client: Arc<Client>) -> Work {
    [management_work(), storage_work(), database_work(), registry_work(), integration_work(client)].concat()
}

/// Container images.
fn registry_work() -> Work {
    vec![Arc::new(compute::ecr::work::ForgetUploads), Arc::new(compute::ecr::work::Expire)]
}

/// Stacks, alarms, logs.
fn management_work() -> Work {
    vec![
        Arc::new(management::cloudformation::work::Deploy),
        Arc::new(management::cloudformation::work::sets::Spread),
        Arc::new(management::cloudformation::work::follow::Follow {
            organizations: security::organizations::model::TABLES.to_vec(),
        }),
        Arc::new(management::cloudformation::work::notify::Notify),
        Arc::new(management::cloudformation::work::inspect::Inspect),
        Arc::new(management::cloudformation::work::inquire::Inquire),
        Arc::new(management::cloudformation::work::Forget),
        Arc::new(management::cloudwatch::work::Evaluate),
        Arc::new(management::cloudwatch::work::Forget),
        Arc::new(management::logs::work::Sweep),
        Arc::new(management::logs::work::Retain),
        Arc::new(management::logs::subscription::Deliver),
        Arc::new(management::logs::querying::Ask),
        Arc::new(management::logs::exporting::Run),
    ]
}

/// Objects, volumes and archives.
fn storage_work() -> Work {
    vec![
        Arc::new(storage::ebs::Meters::default()),
        Arc::new(storage::ebs::work::Life),
        Arc::new(storage::glacier::work::Inventories),
        Arc::new(storage::glacier::work::Jobs),
        Arc::new(storage::glacier::work::Uploads),
        Arc::new(storage::s3::completed::ForgetCompleted),
        Arc::new(storage::s3::events::Tell),
        Arc::new(storage::s3::work::Lifecycle),
        Arc::new(storage::s3::work::Replicate),
        Arc::new(storage::s3::work::Restores),
        Arc::new(storage::s3::work::Tiers),
        Arc::new(storage::s3::work::WriteLogs),
        Arc::new(storage::s3::work::DeliverLogs),
        Arc::new(storage::s3::work::Inventories),
        Arc::new(storage::s3::work::WriteActivity),
        Arc::new(storage::s3::work::Analyses),
        Arc::new(storage::s3::work::Census),
    ]
}

/// Tables.
fn database_work() -> Work {
    vec![
        Arc::new(dynamodb::work::TableLife),
        Arc::new(dynamodb::work::Expire),
        Arc::new(dynamodb::work::ForgetTokens),
        Arc::new(dynamodb::census::Census),
        Arc::new(dynamodb::vitals::Tell),
        Arc::new(dynamodb::streams::work::StreamLife),
        Arc::new(dynamodb::backups::work::Restore),
        Arc::new(dynamodb::global::work::Replicate),
        Arc::new(dynamodb::backups::work::BackupLife),
        Arc::new(dynamodb::transfer::work::Export),
        Arc::new(dynamodb::transfer::work::Import),
    ]
}

/// Queues, topics, events.
fn integration_work(client: Arc<Client>) -> Work {
    vec![
        Arc::new(sqs::work::Expire),
        Arc::new(sqs::work::ForgetIds),
        Arc::new(sqs::work::Sweep),
        Arc::new(sqs::work::Move),
        Arc::new(sqs::metering::Tell),
        Arc::new(sns::replay::Replays),
        Arc::new(sns::work::Deliver),
        Arc::new(sns::work::CallOut(Arc::clone(&client))),
        Arc::new(sns::work::ForgetIds),
        Arc::new(events::work::Deliver),
        Arc::new(events::authorizing::Authorize(Arc::clone(&client))),
        Arc::new(events::calling::CallOut(Arc::clone(&client))),
        Arc::new(pipes::work::Pipes(client)),
        Arc::new(events::work::Replays),
        Arc::new(events::work::Retain),
        Arc::new(events::work::Tick),
        Arc::new(scheduler::work::Deliver),
        Arc::new(scheduler::work::Leave),
        Arc::new(scheduler::work::Tick),
    ]
}
