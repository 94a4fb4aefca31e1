//! The door: every call comes through it, and meets the same questions in the
//! same order. Each is a tower layer; the order is the list in [`stack`].

mod arrival;
mod check;
mod held;
mod observe;
mod patience;
mod place;
mod rpc;
mod translate;

pub use arrival::{Arrival, Caller};
pub(crate) use place::full;
pub use rpc::{Right, Rpc, TABLE, find};
pub(crate) use translate::in_our_words;

use crate::house::House;
use check::CheckLayer;
use http::{Request, Response};
use observe::ObserveLayer;
use place::PlaceLayer;
use proto::Failure;
use std::convert::Infallible;
use std::sync::Arc;
use tonic::body::Body;
use tower::{Service, ServiceBuilder};
use translate::TranslateLayer;

/// The layers around a listener's services, outermost first. The last, routing
/// by key, is the services themselves.
pub fn stack<S>(
    house: Arc<House>,
    services: S,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ Send
+ 'static
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let (identify, patient) = (house.clone(), house.clone());
    ServiceBuilder::new()
        // Identity: which method, and who calls. From the transport alone;
        // whatever a caller says of itself is not asked.
        .layer(CheckLayer::new(move |request: &mut Request<Body>| arrival::identify(&identify, request)))
        // Trace: counts the call and its time, whatever becomes of it.
        .layer(ObserveLayer::new(house.clone()))
        // Words: refusals of the library below become ours, with a code.
        .layer(TranslateLayer)
        // Rights: the method's row decides; a method without one is refused.
        .layer(CheckLayer::new(authorize))
        // Limit and load-shed: a place among those under way, or no at once.
        .layer(PlaceLayer::new(house))
        // Deadline: the caller's. The request's own header may name an earlier
        // one, and where neither does, the node's holds.
        .layer(CheckLayer::new(arrival::set_deadline))
        // Patience: for the rest of a body that has begun.
        .layer(CheckLayer::new(move |request: &mut Request<Body>| patience::bound(&patient, request)))
        .service(services)
}

fn authorize(request: &mut Request<Body>) -> Result<(), Failure> {
    match request.extensions().get::<Arrival>() {
        Some(arrival) => rpc::authorize(arrival.rpc, &arrival.caller),
        None => Err(Failure::new(model::code::INTERNAL, "the call came in by no door")),
    }
}
