// A function by AWS's own client of the runtime interface for Go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type given struct {
	Event json.RawMessage `json:"event"`
	Name  string          `json:"name"`
	ARN   string          `json:"arn"`
	ID    string          `json:"id"`
	Trace string          `json:"trace"`
	Left  int64           `json:"left"`
}

func handle(ctx context.Context, event json.RawMessage) (*given, error) {
	if string(event) == `"fail"` {
		return nil, errors.New("told to")
	}
	told, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	fmt.Println("seen", string(event))
	return &given{
		Event: event,
		Name:  lambdacontext.FunctionName,
		ARN:   told.InvokedFunctionArn,
		ID:    told.AwsRequestID,
		Trace: os.Getenv("_X_AMZN_TRACE_ID"),
		Left:  time.Until(deadline).Milliseconds(),
	}, nil
}

func main() {
	lambda.Start(handle)
}
