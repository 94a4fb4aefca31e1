"""A client that knows two addresses and nothing else.

It has no code made from our schema: whatever it says, it learned by reflection.
It lists, describes and calls, and prints what it found; the test that runs it
compares. Arguments: the address of the data plane, and of the control plane.
"""

import sys

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory, text_format
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

PATIENCE_S = 30
DETAILS = "grpc-status-details-bin"


def line(text):
    print(text, flush=True)


def shown(message):
    """On one line. Fields in the order of their numbers."""
    return text_format.MessageToString(message, as_one_line=True, use_short_repeated_primitives=True)


class Node:
    """One listener, as it describes itself."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def services(self):
        return sorted(self.database.get_services())

    def describe(self, service):
        def kind(method):
            kinds = {(False, False): "", (False, True): " (answers stream)", (True, True): " (both stream)"}
            return kinds[(method.client_streaming, method.server_streaming)]

        for method in self.pool.FindServiceByName(service).methods:
            line(f"  {method.name}: {method.input_type.name} -> {method.output_type.name}{kind(method)}")

    def fields(self, message):
        for field in self.pool.FindMessageTypeByName(message).fields:
            kind = descriptor_pb2.FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
            line(f"  {field.number}: {field.name} ({kind}{', repeated' if field.is_repeated else ''})")

    def message(self, text, descriptor):
        message = message_factory.GetMessageClass(descriptor)()
        return text_format.Parse(text, message, descriptor_pool=self.pool)

    def callable(self, service, name):
        method = self.pool.FindServiceByName(service).methods_by_name[name]
        path = f"/{service}/{name}"
        writer = message_factory.GetMessageClass(method.input_type).SerializeToString
        reader = message_factory.GetMessageClass(method.output_type).FromString
        make = self.channel.stream_stream if method.client_streaming else self.channel.unary_unary
        return method, make(path, request_serializer=writer, response_deserializer=reader)

    def call(self, service, name, text="", quiet=False):
        method, call = self.callable(service, name)
        line(f"{name} {text}".rstrip())
        try:
            answer = call(self.message(text, method.input_type), timeout=PATIENCE_S)
        except grpc.RpcError as error:
            return self.refused(error)
        # What differs from run to run is for the eyes of the caller alone.
        line("  answered" if quiet else f"  {shown(answer)}")
        return answer

    def stream(self, service, name, texts):
        method, call = self.callable(service, name)
        requests = [self.message(text, method.input_type) for text in texts]
        answers = sorted(call(iter(requests), timeout=PATIENCE_S), key=lambda answer: answer.sequence)
        for text, answer in zip(texts, answers, strict=True):
            line(f"{name} {text}")
            line(f"  {shown(answer)}")

    def refused(self, error):
        line(f"  {error.code().name}")
        trailers = dict(error.trailing_metadata() or ())
        for detail in details(trailers.get(DETAILS, b"")):
            name = detail.TypeName()
            message = message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))()
            message.ParseFromString(detail.value)
            line(f"  {name} {shown(message)}")


def details(status):
    """The details of a `google.rpc.Status`: its third field, which are `Any`s.

    Its schema is no part of this library; these three fields are all of it.
    """
    schema = descriptor_pb2.FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    schema.dependency.append("google/protobuf/any.proto")
    of = descriptor_pb2.FieldDescriptorProto
    message = schema.message_type.add(name="Status")
    message.field.add(name="code", number=1, type=of.TYPE_INT32, label=of.LABEL_OPTIONAL)
    message.field.add(name="message", number=2, type=of.TYPE_STRING, label=of.LABEL_OPTIONAL)
    message.field.add(
        name="details", number=3, type=of.TYPE_MESSAGE, label=of.LABEL_REPEATED, type_name=".google.protobuf.Any"
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(schema)
    rich = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))()
    rich.ParseFromString(status)
    return rich.details


def look(name, node, service, message):
    line(f"== {name}")
    for one in node.services():
        line(one)
    line(service)
    node.describe(service)
    line(message)
    node.fields(message)


def use_control(node):
    service = "statehouse.control.v1.Control"
    line("== calls of the control plane")
    profile = 'profile { store: "memory" log: "local" }'
    node.call(service, "CreateTable", f'name: "strange" layout: "ordered" machine: "kv" {profile}')
    node.call(service, "ListTables")
    node.call(service, "CreateTable", f'name: "strange" layout: "ordered" machine: "kv" {profile}')
    node.call(service, "AddPartition", 'table: "strange" range { start: "a" end: "b" }')
    status = node.call(service, "Status", quiet=True)
    assert status is not None and status.ListFields(), "a status that says nothing"
    node.call(service, "Split", "partition: 1")


def use_data(node):
    service = "statehouse.data.v1.Data"
    line("== calls of the data plane")
    node.call(service, "Upsert", r'table: "strange" items { key: "a" value: "1" } items { key: "\377" value: "2" }')
    node.call(service, "Get", r'table: "strange" keys: ["a", "\377", "none"]')
    node.call(service, "Remove", 'table: "strange" keys: "a"')
    node.call(service, "Get", 'table: "strange" keys: ""')
    node.call(service, "Get", 'table: "unknown" keys: "a"')
    requests = [
        'sequence: 1 upsert { table: "strange" items { key: "s" value: "3" } }',
        'sequence: 2 remove { table: "unknown" keys: "s" }',
    ]
    node.stream(service, "Stream", requests)
    node.stream(service, "Stream", ['sequence: 3 get { table: "strange" keys: "s" }'])


def main():
    data, control = (Node(address) for address in sys.argv[1:3])
    look("the data plane", data, "statehouse.data.v1.Data", "statehouse.data.v1.UpsertRequest")
    look("the control plane", control, "statehouse.control.v1.Control", "statehouse.control.v1.CreateTableRequest")
    use_control(control)
    use_data(data)


if __name__ == "__main__":
    main()
