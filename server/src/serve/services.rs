//! Which services stand behind which listener.

use http::Response;
use model::code;
use proto::control::control_server::ControlServer;
use proto::{Failure, MESSAGE_BYTES_MAX};
use router::door::{Call, Leaving, Library, refusal};
use router::{ControlPlane, DataService, Desk, House};
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::Service;
use tower::util::BoxCloneSyncService;

type Boxed = BoxCloneSyncService<Call, Response<Leaving>, Infallible>;
type Called = std::pin::Pin<Box<dyn Future<Output = Result<Response<Leaving>, Infallible>> + Send>>;

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
fn beside<H: Health>(
    main: &str,
    house: &Arc<House>,
    health: HealthServer<H>,
) -> Arc<[(&'static str, Boxed)]> {
    let reflection = |itself: &str| {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(main)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name(itself)
    };
    let health = BoxCloneSyncService::new(Library::new(house.clone(), health));
    let mut all = vec![("/grpc.health.v1.Health/", health)];
    // Both come from our own descriptors, which a test decodes.
    if let Ok(v1) = reflection("grpc.reflection.v1.ServerReflection").build_v1() {
        all.push((
            "/grpc.reflection.v1.ServerReflection/",
            BoxCloneSyncService::new(Library::new(house.clone(), v1)),
        ));
    }
    if let Ok(alpha) = reflection("grpc.reflection.v1alpha.ServerReflection").build_v1alpha() {
        all.push((
            "/grpc.reflection.v1alpha.ServerReflection/",
            BoxCloneSyncService::new(Library::new(house.clone(), alpha)),
        ));
    }
    all.into()
}

/// What clients call.
pub fn data<H: Health>(
    house: &Arc<House>,
    desk: Arc<Desk>,
    health: HealthServer<H>,
) -> Services<DataService> {
    let main = DataService::new(house.clone(), desk);
    let beside = beside("statehouse.data.v1.Data", house, health);
    Services { prefix: "/statehouse.data.v1.Data/", main, beside }
}

/// What operators call.
pub fn control<H: Health>(
    house: &Arc<House>,
    health: HealthServer<H>,
) -> Services<Library<ControlServer<ControlPlane>>> {
    let main =
        ControlServer::new(ControlPlane::new(house.clone())).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let beside = beside("statehouse.control.v1.Control", house, health);
    Services { prefix: "/statehouse.control.v1.Control/", main: Library::new(house.clone(), main), beside }
}

impl<S> Service<Call> for Services<S>
where
    S: Service<Call, Response = Response<Leaving>, Error = Infallible, Future = Called>,
{
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Called;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // None of them is ever not.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Called {
        let path = call.request.uri().path();
        if path.starts_with(self.prefix) {
            return self.main.call(call);
        }
        match self.beside.iter().find(|(prefix, _)| path.starts_with(prefix)) {
            Some((_, service)) => Box::pin(service.clone().call(call)),
            None => {
                let what = "this listener does not serve that service";
                Box::pin(ready(Ok(refusal(Failure::new(code::UNIMPLEMENTED, what)))))
            }
        }
    }
}
