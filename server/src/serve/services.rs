//! Which services stand behind which listener.

use http::{Request, Response};
use router::{ControlPlane, DataPlane};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::Service;
use tower::util::BoxCloneSyncService;

/// The largest message taken. A little more than a request may have, so that
/// most that are too large hear by how much.
const MESSAGE_BYTES_MAX: usize = proto::UPSERT_BYTES_MAX + 4096;

type Boxed = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;
type Called = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// One service that matters, and those that every listener has. Chosen by the
/// path's beginning, the one that matters first.
#[derive(Clone)]
pub struct Services<S> {
    prefix: &'static str,
    main: S,
    // Shared: every call has a copy of all this.
    beside: Arc<[(&'static str, Boxed)]>,
}

/// Health and reflection. Reflection knows every schema, and lists the services
/// of this listener: the one that matters, health and itself.
fn beside<H: Health>(main: &str, health: HealthServer<H>) -> Arc<[(&'static str, Boxed)]> {
    let reflection = |itself: &str| {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(main)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name(itself)
    };
    let mut all = vec![("/grpc.health.v1.Health/", BoxCloneSyncService::new(health))];
    // Both come from our own descriptors, which a test decodes.
    if let Ok(v1) = reflection("grpc.reflection.v1.ServerReflection").build_v1() {
        all.push(("/grpc.reflection.v1.ServerReflection/", BoxCloneSyncService::new(v1)));
    }
    if let Ok(alpha) = reflection("grpc.reflection.v1alpha.ServerReflection").build_v1alpha() {
        all.push(("/grpc.reflection.v1alpha.ServerReflection/", BoxCloneSyncService::new(alpha)));
    }
    all.into()
}

/// What clients call.
pub fn data<H: Health>(
    plane: DataPlane,
    health: HealthServer<H>,
) -> Services<proto::data::data_server::DataServer<DataPlane>> {
    let main = proto::data::data_server::DataServer::new(plane)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    let beside = beside("statehouse.data.v1.Data", health);
    Services { prefix: "/statehouse.data.v1.Data/", main, beside }
}

/// What operators call.
pub fn control<H: Health>(
    plane: ControlPlane,
    health: HealthServer<H>,
) -> Services<proto::control::control_server::ControlServer<ControlPlane>> {
    let main = proto::control::control_server::ControlServer::new(plane)
        .max_decoding_message_size(MESSAGE_BYTES_MAX);
    let beside = beside("statehouse.control.v1.Control", health);
    Services { prefix: "/statehouse.control.v1.Control/", main, beside }
}

impl<S> Service<Request<Body>> for Services<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future = Called>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Called;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // None of them is ever not.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Called {
        let path = request.uri().path();
        if path.starts_with(self.prefix) {
            return self.main.call(request);
        }
        match self.beside.iter().find(|(prefix, _)| path.starts_with(prefix)) {
            Some((_, service)) => Box::pin(service.clone().call(request)),
            None => {
                let status = Status::unimplemented("this listener does not serve that service");
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}
