package grpc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	rpc "google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// client sends the calls of one creditor.
type client struct {
	manifest *connectors.Manifest
	env      connectors.Env
	caller   *wire.Caller
	line     *line
	methods  map[string]protoreflect.MethodDescriptor // by call
}

func newClient(env connectors.Env, m *connectors.Manifest, s Settings) (*client, error) {
	to, err := serverOf(s.BaseURL)
	if err != nil {
		return nil, hub.Wrap(hub.CodeInvalid, err, "The address of the service cannot be used.")
	}
	service, wrong := compile(s.Proto, s.Service)
	if wrong != nil {
		return nil, hub.Wrap(hub.CodeInvalid, wrong, "The description of the service cannot be used.")
	}
	cl := &client{manifest: m, env: env, caller: wire.NewCaller(env, s.Auth), methods: map[string]protoreflect.MethodDescriptor{}}
	for name, call := range m.Calls {
		method, problem := service.method(connectors.RequestOf[Request](call).Method)
		if problem != "" {
			return nil, hub.Wrap(hub.CodeInvalid, errors.New(problem), "The description of the service cannot be used.")
		}
		cl.methods[name] = method
	}
	if cl.line, err = newLine(env, to, s.TLS); err != nil {
		return nil, hub.Wrap(hub.CodeInvalid, err, "The address of the service cannot be used.")
	}
	return cl, nil
}

// send makes a call and gives what the other side said: its answer, or the
// status it refused with. It fails with what kept either from coming, certain
// when nothing was sent. A call that is safe is made once more when the way was
// lost and the guard's budget allows it; a call that changes nothing, when its
// token was refused.
func (cl *client) send(ctx context.Context, call *connectors.Call, v *connectors.Vars) (said, error) {
	ctx, cancel := cl.limited(ctx)
	defer cancel()
	answer, err := cl.attempt(ctx, call, v)
	lost := call.Safe && hub.CodeOf(err) == hub.CodeUnavailable && hub.MayRetry(ctx)
	if lost || answer.token != "" && !call.Writes() {
		answer, err = cl.attempt(ctx, call, v)
	}
	return answer, err
}

// limited gives every call a deadline, which the other side is told.
func (cl *client) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, max(cl.manifest.Traits.Timeout, time.Second))
}

// attempt makes a call once.
func (cl *client) attempt(ctx context.Context, call *connectors.Call, v *connectors.Vars) (said, error) {
	method := cl.methods[call.Name]
	request, err := write(ctx, connectors.RequestOf[Request](call).Message, method.Input(), v)
	if err != nil {
		return said{}, hub.Undone(err)
	}
	authorised, token, err := cl.authorised(ctx)
	if err != nil {
		return said{}, hub.Undone(err)
	}
	if err := cl.env.Turn(ctx); err != nil {
		return said{}, hub.Undone(err)
	}
	c := &course{}
	messages, err := cl.line.call(context.WithValue(authorised, courseKey{}, c), method, request, call.Bounds())
	if err != nil {
		return cl.refused(ctx, c, token, err)
	}
	return decoded(method, messages)
}

// authorised puts the credentials among the metadata.
func (cl *client) authorised(ctx context.Context) (with context.Context, token string, err error) {
	header, value, token, err := cl.caller.Credential(ctx, "")
	if err != nil || header == "" {
		return ctx, "", err
	}
	return metadata.AppendToOutgoingContext(ctx, strings.ToLower(header), value), token, nil
}

// refused tells what a call failed with. A token that was refused is not used
// again.
func (cl *client) refused(ctx context.Context, c *course, token string, cause error) (said, error) {
	answer, err := c.failed(ctx, cause)
	if token != "" && answer.status == http.StatusUnauthorized {
		cl.caller.Refused(token)
		answer.token = token
	}
	return answer, err
}

// errTooMuch is an answer that goes on and on.
var errTooMuch = errors.New("more messages than an answer may have")

// call sends a request and gathers all messages of the answer, within bounds; they
// count only when the answer ended with the status OK.
func (l *line) call(ctx context.Context, method protoreflect.MethodDescriptor, request []byte, most connectors.Bounds) (messages [][]byte, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	path := "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
	answers, err := l.conn.NewStream(ctx, &rpc.StreamDesc{ServerStreams: true}, path, rpc.MaxCallRecvMsgSize(most.Bytes))
	if err != nil {
		return nil, err
	}
	if err := answers.SendMsg(&request); err != nil && !errors.Is(err, io.EOF) { // io.EOF: RecvMsg says why
		return nil, err
	}
	if err := answers.CloseSend(); err != nil {
		return nil, err
	}
	for size := 0; ; {
		var one []byte
		switch err := answers.RecvMsg(&one); {
		case errors.Is(err, io.EOF):
			return messages, nil
		case err != nil:
			return nil, err
		}
		messages, size = append(messages, one), size+len(one)
		if len(messages) > most.Records || size > most.Bytes {
			return nil, errTooMuch
		}
	}
}

// decoded reads the messages of an answer.
func decoded(method protoreflect.MethodDescriptor, messages [][]byte) (said, error) {
	read := make(stream, len(messages))
	for i, one := range messages {
		m := dynamicpb.NewMessage(method.Output())
		if err := proto.Unmarshal(one, m); err != nil {
			return said{}, connectors.BadData("a message that is not %s", method.Output().FullName())
		}
		read[i] = m
	}
	switch {
	case method.IsStreamingServer():
		return said{root: read}, nil
	case len(read) != 1:
		return said{}, connectors.BadData("%d messages where one is due", len(read))
	}
	return said{root: message{read[0]}}, nil
}
